//! Passwords hashed and compared, on threads that give way to everything else.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use futures_util::future::select;
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use crate::{
    error::{Error, Panicked, Result},
    identity::{
        credentials::{
            Authenticated, Factor,
            password::{
                Password,
                hashing::{Argon2Hasher, HashCost, Match},
            },
        },
        entity::users,
    },
};

/// Passwords that are hashed or wait for it; one more is told to come back.
const MAX_QUEUED_HASHES: usize = 64;

/// How long a password waits for the threads that give way, before one that does not is asked too.
const FALLBACK_AFTER: Duration = Duration::from_secs(1);

/// How long the thread that does not give way rests after each hash, so that it never takes more
/// than about a fifth of a core.
const FALLBACK_COOLDOWN: Duration = Duration::from_millis(100);

/// How long a password waits in all; whoever has no hash by then is told to come back.
const DEADLINE: Duration = Duration::from_secs(5);

/// Proof that a user's password was given. Only [`HashingPool::verify`] makes one.
pub(in crate::identity) struct PasswordVerified {
    user: users::Model,
    password_hash: String,
    rehash: Option<String>,
}

impl PasswordVerified {
    /// The hash that the password was compared with.
    pub(in crate::identity) fn password_hash(&self) -> &str {
        &self.password_hash
    }
}

impl From<PasswordVerified> for Authenticated {
    fn from(PasswordVerified { user, rehash, .. }: PasswordVerified) -> Self {
        Self {
            user,
            factors: vec![Factor::Password { rehash }],
        }
    }
}

/// Hashes on as many threads as there are cores, which run only while nothing else wants these: a
/// flood of sign-ins does not keep anybody's queries from running. On a machine that is never idle
/// they would hardly run at all, and so one thread more takes a part of a core, for those that
/// have waited for long.
pub(in crate::identity) struct HashingPool {
    background: mpsc::Sender<Job>,
    fallback: mpsc::Sender<Job>,
    places: Semaphore,
    fallback_after: Duration,
    deadline: Duration,
    /// The hash of a password that nobody has: what an unknown address is compared with.
    dummy_hash: Arc<str>,
}

/// Answers whether it was still wanted.
type Job = Box<dyn FnOnce(&mut Argon2Hasher) -> bool + Send>;

impl HashingPool {
    /// Starts the threads; they end when the hasher is dropped.
    pub(in crate::identity) fn start(cost: &HashCost) -> Self {
        let (background, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads() {
            let (queue, cost) = (Arc::clone(&queue), cost.clone());
            thread::spawn(move || {
                if cost.idle_priority {
                    set_idle_priority();
                }
                work(&queue, Duration::ZERO, &cost);
            });
        }
        let (fallback, queue) = mpsc::channel();
        let dummy_hash = make_dummy_hash(cost).into();
        let cost = cost.clone();
        thread::spawn(move || work(&Mutex::new(queue), FALLBACK_COOLDOWN, &cost));
        Self {
            background,
            fallback,
            places: Semaphore::new(MAX_QUEUED_HASHES),
            fallback_after: FALLBACK_AFTER,
            deadline: DEADLINE,
            dummy_hash,
        }
    }

    /// The password's hash, as a PHC string.
    pub(in crate::identity) async fn hash(&self, password: Password) -> Result<String> {
        self.run(move |hashing| hashing.hash(&password)).await
    }

    /// Returns the proof if the password is the user's. Without a user it does the same work, and fails.
    pub(in crate::identity) async fn verify(
        &self,
        user: Option<users::Model>,
        password: Password,
    ) -> Result<Option<PasswordVerified>> {
        let dummy_hash = Arc::clone(&self.dummy_hash);
        self.run(move |hashing| {
            let stored = user.as_ref().and_then(|user| user.password_hash.clone());
            let hash = stored.as_deref().unwrap_or(&dummy_hash);
            let matched = hashing.verify(&password, hash)?;
            let (Some(matched), Some(user), Some(password_hash)) = (matched, &user, stored) else {
                return Ok(None);
            };
            let rehash = match matched {
                Match::Current => None,
                Match::NeedsRehash => Some(hashing.hash(&password)?),
            };
            let user = user.clone();
            Ok(Some(PasswordVerified {
                user,
                password_hash,
                rehash,
            }))
        })
        .await
    }

    /// # Errors
    /// `Unavailable` when there is no place, or not enough time.
    async fn run<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Argon2Hasher) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let _place = self.places.try_acquire().map_err(|_| Error::Unavailable)?;
        let work = Arc::new(work);
        let done = async {
            let mut done = pin!(ask(&self.background, &work));
            if let Ok(done) = timeout(self.fallback_after, &mut done).await {
                return done;
            }
            // It may have been begun and got stuck.
            let again = pin!(ask(&self.fallback, &work));
            select(done, again).await.factor_first().0
        };
        timeout(self.deadline, done)
            .await
            .unwrap_or(Err(Error::Unavailable))
    }
}

/// Has the work done by one of the threads behind the queue, unless it is dropped before its turn.
async fn ask<T: Send + 'static>(
    queue: &mpsc::Sender<Job>,
    work: &Arc<impl Fn(&mut Argon2Hasher) -> Result<T> + Send + Sync + 'static>,
) -> Result<T> {
    let (answer, done) = oneshot::channel();
    let work = Arc::downgrade(work);
    let job = move |hashing: &mut Argon2Hasher| {
        // Whoever asked went away, or has the answer, or was told to come back.
        let Some(work) = work.upgrade() else {
            return false;
        };
        let done = catch_unwind(AssertUnwindSafe(|| work(hashing)));
        let done = done.unwrap_or_else(|panic| Err(Error::internal(Panicked::with(&*panic))));
        // Whoever asked may have gone away by now.
        answer.send(done).ok();
        true
    };
    queue.send(Box::new(job)).map_err(|_| Error::Unavailable)?;
    done.await.map_err(Error::internal)?
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Does one job after the other until the hasher is dropped, and rests after each.
fn work(queue: &Mutex<mpsc::Receiver<Job>>, rest: Duration, cost: &HashCost) {
    let mut hashing = Argon2Hasher::new(cost);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else {
            break;
        };
        if job(&mut hashing) {
            thread::sleep(rest);
        }
    }
}

/// Has this thread run only while nothing else wants its core: `SCHED_IDLE` of sched(7).
#[cfg(target_os = "linux")]
fn set_idle_priority() {
    use thread_priority::{
        NormalThreadSchedulePolicy::Idle, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
    };
    let idle = ThreadSchedulePolicy::Normal(Idle);
    // It sets the niceness too, which may not be allowed and is of no use to an idle thread: what
    // counts is the policy.
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).ok();
    let policy = thread_schedule_policy();
    tracing::debug!(
        ?policy,
        "a thread that hashes passwords has this scheduling policy"
    );
}

#[cfg(not(target_os = "linux"))]
fn set_idle_priority() {
    tracing::debug!("threads that hash passwords are scheduled like all others");
}

fn make_dummy_hash(cost: &HashCost) -> String {
    let mut unknown = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut unknown).expect("the system has randomness");
    Argon2Hasher::new(cost)
        .hash(&Password::from_input(&format!("{unknown:?}")))
        .expect("any text can be hashed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> HashingPool {
        HashingPool::start(&HashCost::production())
    }

    /// Keeps the threads behind the queue busy until what is returned is dropped.
    fn occupy(queue: &mpsc::Sender<Job>, threads: usize) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel();
        let released = Arc::new(Mutex::new(released));
        let (begin, begun) = mpsc::channel();
        for _ in 0..threads {
            let (released, begin) = (Arc::clone(&released), begin.clone());
            let job = move |_: &mut Argon2Hasher| {
                begin.send(()).ok();
                let released = released.lock().unwrap_or_else(PoisonError::into_inner);
                released.recv().is_ok()
            };
            queue.send(Box::new(job)).unwrap();
        }
        for _ in 0..threads {
            begun.recv().unwrap();
        }
        release
    }

    #[tokio::test]
    async fn a_panic_fails_what_panicked_and_its_thread_goes_on() {
        // Where others are busy a panic takes its time to be told.
        let hasher = HashingPool {
            deadline: Duration::from_mins(1),
            ..start()
        };
        for _ in 0..=threads() {
            let failed = hasher.run::<()>(|_| panic!("on purpose")).await;
            assert!(matches!(failed, Err(Error::Internal(_))), "{failed:?}");
        }
        assert!(
            hasher
                .hash(Password::from_input("correct horse"))
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn who_waits_longer_than_the_deadline_is_told_to_come_back_and_nothing_is_hashed() {
        let hasher = HashingPool {
            deadline: Duration::ZERO,
            ..start()
        };
        let release = occupy(&hasher.background, threads());
        let (begin, begun) = mpsc::channel();
        let late = hasher.run(move |_| Ok(begin.send(()))).await;
        assert!(matches!(late, Err(Error::Unavailable)), "{late:?}");
        drop(release);
        assert!(begun.recv().is_err(), "it was begun all the same");
    }

    #[tokio::test]
    async fn who_finds_64_before_them_is_told_to_come_back_at_once() {
        let hasher = start();
        let others = hasher.places.try_acquire_many(64).unwrap();
        let refused = hasher.run(|_| Ok(())).await;
        assert!(matches!(refused, Err(Error::Unavailable)), "{refused:?}");
        drop(others);
        assert!(hasher.run(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn who_waits_too_long_for_the_threads_that_give_way_is_served_by_one_that_does_not() {
        let hasher = HashingPool {
            fallback_after: Duration::ZERO,
            ..start()
        };
        let _release = occupy(&hasher.background, threads());
        assert!(
            hasher
                .hash(Password::from_input("correct horse"))
                .await
                .is_ok()
        );
    }
}
