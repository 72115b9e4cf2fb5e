//! Remembers the ends of the lists to which this process has appended rows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::timeout,
};

use crate::id::UserId;

/// The maximum number of users whose list is remembered while they append nothing.
const MAX_IDLE_USERS: usize = 4_096;

/// The maximum wait for other appends of the user.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The state of a user's list, which the next row at its end follows.
pub(crate) struct ListEnd {
    /// The number of the user's last change.
    pub(super) seq: i64,
    /// The number of rows.
    pub(crate) count: i64,
    /// The last position, or `None` if there are no rows.
    pub(crate) position: Option<String>,
}

/// The kind of a list, and its end. Another process may have changed the list since.
type Remembered = Option<(&'static str, ListEnd)>;

/// For each user, the end of the list to which they have appended a row last.
#[derive(Default)]
pub(super) struct ListEnds(Mutex<HashMap<UserId, Arc<AsyncMutex<Remembered>>>>);

impl ListEnds {
    /// Waits for the user's other appends in this process: they would only outdate each other. `None`
    /// if they take too long.
    pub(super) async fn lock(&self, user_id: UserId) -> Option<OwnedMutexGuard<Remembered>> {
        let end = {
            let mut ends = self.ends();
            if ends.len() >= MAX_IDLE_USERS && !ends.contains_key(&user_id) {
                ends.retain(|_, end| Arc::strong_count(end) > 1);
            }
            Arc::clone(ends.entry(user_id).or_default())
        };
        timeout(MAX_WAIT, end.lock_owned()).await.ok()
    }

    /// Forgets the end of the user's list, which has changed. During an append, the database decides
    /// if the end is current.
    pub(super) fn forget(&self, user_id: UserId) {
        if let Some(end) = self.ends().get(&user_id)
            && let Ok(mut end) = end.try_lock()
        {
            *end = None;
        }
    }

    fn ends(&self) -> MutexGuard<'_, HashMap<UserId, Arc<AsyncMutex<Remembered>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
