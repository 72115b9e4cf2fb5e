//! The permits for open streams: of the instance, and of each user.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::id::UserId;

/// A permit for one of the instance's streams, released when dropped.
pub(in crate::http) struct StreamPermit {
    _permit: OwnedSemaphorePermit,
}

impl StreamPermit {
    /// Acquires a permit; `None` if all are in use.
    pub(super) fn acquire(permits: &Arc<Semaphore>) -> Option<Self> {
        let permit = Arc::clone(permits).try_acquire_owned().ok()?;
        Some(Self { _permit: permit })
    }
}

/// The number of open streams of each signed-in user.
#[derive(Clone, Default)]
pub(super) struct UserStreams(Arc<Mutex<HashMap<UserId, u32>>>);

/// A permit for one of a user's streams, released when dropped.
pub(in crate::http) struct UserStreamPermit {
    user_id: UserId,
    streams: UserStreams,
}

impl UserStreams {
    /// Acquires a permit; `None` if the user already has `max` streams.
    pub(super) fn acquire(&self, user_id: UserId, max: u32) -> Option<UserStreamPermit> {
        let mut counts = self.lock();
        let count = counts.entry(user_id).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(UserStreamPermit {
            user_id,
            streams: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UserStreamPermit {
    fn drop(&mut self) {
        let mut counts = self.streams.lock();
        if let Some(count) = counts.get_mut(&self.user_id) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user_id);
            }
        }
    }
}
