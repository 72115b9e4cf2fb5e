//! Passwords hashed and compared, on threads of their own.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use tokio::sync::oneshot;

use super::{entity::users, password::Password};
use crate::error::{Error, Result};

/// Passwords that may wait to be hashed; one more is told to come back.
const QUEUE: usize = 64;

/// Proof that the person's password was given. Only [`Hasher::unlock`] makes one, and opening a
/// session takes one.
pub(super) struct Unlocked(users::Model);

impl Unlocked {
    pub(super) fn user(&self) -> &users::Model {
        &self.0
    }
}

/// Hashes with Argon2id, 19 MiB, two passes, one lane, on as many threads as there are cores, so
/// that a flood of sign-ins does not keep anybody's queries from running.
pub(super) struct Hasher {
    jobs: mpsc::SyncSender<Job>,
    /// The hash of a password that nobody has: what an unknown address is compared with.
    nobody: Arc<str>,
}

type Job = Box<dyn FnOnce(&Argon2<'static>) + Send>;

impl Hasher {
    /// Starts the threads; they end when the hasher is dropped.
    pub(super) fn start() -> Self {
        let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let argon2 = argon2();
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(&argon2),
                        Err(_) => break,
                    }
                }
            });
        }
        let mut unknown = [0; 32];
        aws_lc_rs::rand::fill(&mut unknown).expect("the system has randomness");
        let nobody = argon2()
            .hash_password(&unknown)
            .expect("32 bytes can be hashed")
            .to_string();
        Self {
            jobs,
            nobody: nobody.into(),
        }
    }

    /// The password's hash, as a PHC string.
    pub(super) async fn hash(&self, password: Password) -> Result<String> {
        self.run(move |argon2| argon2.hash_password(password.as_bytes()))
            .await?
            .map(|hash| hash.to_string())
            .map_err(Error::internal)
    }

    /// The proof, when the password is the person's. For nobody it does the same work, and fails.
    pub(super) async fn unlock(
        &self,
        user: Option<users::Model>,
        password: Password,
    ) -> Result<Option<Unlocked>> {
        let nobody = Arc::clone(&self.nobody);
        self.run(move |argon2| {
            let hash = user.as_ref().map_or(&*nobody, |user| &user.password_hash);
            let parsed = PasswordHash::new(hash).map_err(Error::internal)?;
            let fits = argon2.verify_password(password.as_bytes(), &parsed);
            match (fits, user) {
                (Ok(()), Some(user)) => Ok(Some(Unlocked(user))),
                (Ok(()) | Err(argon2::password_hash::Error::PasswordInvalid), _) => Ok(None),
                (Err(error), _) => Err(Error::internal(error)),
            }
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, done) = oneshot::channel();
        self.jobs
            .try_send(Box::new(move |argon2| {
                // Whoever asked may have gone away by now.
                let _ = answer.send(work(argon2));
            }))
            .map_err(|_| Error::Unavailable)?;
        done.await.map_err(Error::internal)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("these parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_argon2id_with_19_mib_two_passes_and_one_lane() {
        let hash = Hasher::start()
            .hash(Password::typed("correct horse"))
            .await
            .unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
    }
}
