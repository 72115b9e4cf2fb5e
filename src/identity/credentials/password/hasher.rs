//! The pool of threads that hashes and verifies passwords at idle priority.

use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
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
            Authenticated, Factor, PasswordUser,
            password::{
                Password,
                hashing::{Argon2Hasher, HashCost, Match, Memory},
            },
        },
        entity::credentials,
    },
    scope::Filter,
};

/// The maximum number of passwords that are queued or being hashed. A further one fails with
/// `Unavailable`.
const MAX_QUEUED_HASHES: usize = 64;

/// The time that a password waits for the background threads before it is also queued for the
/// fallback thread.
const FALLBACK_AFTER: Duration = Duration::from_secs(1);

/// The pause of the fallback thread after each hash, so that it takes at most about a fifth of a
/// core.
const FALLBACK_COOLDOWN: Duration = Duration::from_millis(100);

/// The time after the last hash until its memory is freed: 19 MiB.
const MEMORY_TTL: Duration = Duration::from_secs(20);

/// The maximum time to wait for a hash. The request then fails with `Unavailable`.
const HASH_DEADLINE: Duration = Duration::from_secs(5);

/// Proof that a request contained a user's password. Only [`HashingPool::verify`] creates one.
pub(in crate::identity) struct PasswordVerified {
    user: PasswordUser,
    rehash: Option<String>,
}

impl PasswordVerified {
    /// Matches the stored password, unless it has changed since.
    pub(in crate::identity) fn unchanged(&self) -> Filter<credentials::Entity> {
        let password = &self.user.password;
        Filter::eq(credentials::Column::Id, password.id)
            .and(Filter::eq(credentials::Column::Data, &*password.data))
    }
}

impl From<PasswordVerified> for Authenticated {
    fn from(PasswordVerified { user, rehash }: PasswordVerified) -> Self {
        let PasswordUser { user, password } = user;
        Self {
            user,
            factors: vec![Factor::Password { password, rehash }],
        }
    }
}

/// Hashes passwords on one background thread per core. These run at idle priority, so that a flood
/// of sign-ins does not delay queries. On a busy machine they might hardly run at all, so one
/// fallback thread of normal priority hashes the passwords that have waited for `FALLBACK_AFTER`.
pub(in crate::identity) struct HashingPool {
    background: mpsc::Sender<Job>,
    fallback: mpsc::Sender<Job>,
    places: Semaphore,
    fallback_after: Duration,
    deadline: Duration,
    /// The hash that is verified for an unknown email address.
    dummy_hash: Arc<str>,
}

/// Returns false if its caller has stopped waiting, so that nothing was hashed.
type Job = Box<dyn FnOnce(&mut Argon2Hasher) -> bool + Send>;

impl HashingPool {
    /// Starts the threads, which end when the pool is dropped.
    pub(in crate::identity) fn start(cost: &HashCost) -> Self {
        let (background, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let memory = Memory::default();
        for _ in 0..threads() {
            let (queue, cost, memory) = (Arc::clone(&queue), cost.clone(), memory.clone());
            thread::spawn(move || {
                if cost.idle_priority {
                    set_idle_priority();
                }
                work(&queue, Duration::ZERO, &cost, memory);
            });
        }
        let (fallback, queue) = mpsc::channel();
        let dummy_hash = Argon2Hasher::new(cost).dummy_hash();
        let dummy_hash = dummy_hash.expect("the system provides random bytes").into();
        let cost = cost.clone();
        thread::spawn(move || work(&Mutex::new(queue), FALLBACK_COOLDOWN, &cost, memory));
        Self {
            background,
            fallback,
            places: Semaphore::new(MAX_QUEUED_HASHES),
            fallback_after: FALLBACK_AFTER,
            deadline: HASH_DEADLINE,
            dummy_hash,
        }
    }

    /// Hashes a password. Returns a PHC string.
    pub(in crate::identity) async fn hash(&self, password: Password) -> Result<String> {
        self.run(move |hashing| hashing.hash(&password)).await
    }

    /// Verifies a user's password, and returns the proof if it matches. Without a user, does the
    /// same work and returns nothing.
    pub(in crate::identity) async fn verify(
        &self,
        user: Option<PasswordUser>,
        password: Password,
    ) -> Result<Option<PasswordVerified>> {
        let dummy_hash = Arc::clone(&self.dummy_hash);
        self.run(move |hashing| {
            let stored = user.as_ref().map(|user| user.password.data.as_str());
            let matched = hashing.verify(&password, stored.unwrap_or(&dummy_hash))?;
            let (Some(matched), Some(user)) = (matched, &user) else {
                return Ok(None);
            };
            let rehash = match matched {
                Match::Current => None,
                Match::NeedsRehash => Some(hashing.hash(&password)?),
            };
            let user = user.clone();
            Ok(Some(PasswordVerified { user, rehash }))
        })
        .await
    }

    /// # Errors
    /// `Unavailable` if the queue is full or the deadline has passed.
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
            // The first job continues, since a background thread may already be hashing it.
            let again = pin!(ask(&self.fallback, &work));
            select(done, again).await.factor_first().0
        };
        timeout(self.deadline, done)
            .await
            .unwrap_or(Err(Error::Unavailable))
    }
}

/// Queues the work and waits for its result. The work does not run if this future is dropped
/// before.
async fn ask<T: Send + 'static>(
    queue: &mpsc::Sender<Job>,
    work: &Arc<impl Fn(&mut Argon2Hasher) -> Result<T> + Send + Sync + 'static>,
) -> Result<T> {
    let (answer, done) = oneshot::channel();
    let work = Arc::downgrade(work);
    let job = move |hashing: &mut Argon2Hasher| {
        // The caller was cancelled, has its result from the other queue, or ran into the deadline.
        let Some(work) = work.upgrade() else {
            return false;
        };
        let done = catch_unwind(AssertUnwindSafe(|| work(hashing)));
        let done = done.unwrap_or_else(|panic| Err(Error::internal(Panicked::with(&*panic))));
        // The send fails if the caller has stopped waiting.
        answer.send(done).ok();
        true
    };
    queue.send(Box::new(job)).map_err(|_| Error::Unavailable)?;
    done.await.map_err(Error::internal)?
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Runs the queued jobs until the pool is dropped, and pauses after each. Frees the memory when no
/// job has come for a while.
fn work(queue: &Mutex<mpsc::Receiver<Job>>, rest: Duration, cost: &HashCost, memory: Memory) {
    let mut hashing = Argon2Hasher::with_memory(cost, memory.clone());
    loop {
        let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match queue.recv_timeout(MEMORY_TTL) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                memory.free();
                allocator::return_free_memory();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        drop(queue);
        if job(&mut hashing) {
            thread::sleep(rest);
        }
    }
}

/// Sets the policy `SCHED_IDLE` (sched(7)), by which this thread runs only on an otherwise idle
/// core.
#[cfg(target_os = "linux")]
fn set_idle_priority() {
    use thread_priority::{
        NormalThreadSchedulePolicy::Idle, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
    };
    let idle = ThreadSchedulePolicy::Normal(Idle);
    // The call also sets the niceness. That may fail, which is harmless: the policy alone matters.
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).ok();
    let policy = thread_schedule_policy();
    tracing::debug!(?policy, "scheduling policy of a password hashing thread");
}

#[cfg(not(target_os = "linux"))]
fn set_idle_priority() {
    tracing::debug!("password hashing threads run at normal priority");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> HashingPool {
        HashingPool::start(&HashCost::production())
    }

    /// Keeps the threads of the queue busy until the returned sender is dropped.
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
    async fn panicking_job_fails_and_its_thread_survives() {
        // On a busy machine a panic can take long to reach its caller.
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
    async fn job_past_its_deadline_is_unavailable_and_never_runs() {
        let hasher = HashingPool {
            deadline: Duration::ZERO,
            ..start()
        };
        let release = occupy(&hasher.background, threads());
        let (begin, begun) = mpsc::channel();
        let late = hasher.run(move |_| Ok(begin.send(()))).await;
        assert!(matches!(late, Err(Error::Unavailable)), "{late:?}");
        drop(release);
        assert!(begun.recv().is_err(), "the job ran despite its deadline");
    }

    #[tokio::test]
    async fn full_queue_of_64_rejects_at_once() {
        let hasher = start();
        let others = hasher.places.try_acquire_many(64).unwrap();
        let refused = hasher.run(|_| Ok(())).await;
        assert!(matches!(refused, Err(Error::Unavailable)), "{refused:?}");
        drop(others);
        assert!(hasher.run(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn slow_pool_falls_back_to_foreground_thread() {
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
