//! Remembers the ends of the lists to which this process has appended rows.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::id::UserId;

/// The maximum number of users whose list is remembered.
const MAX_USERS: usize = 4_096;

/// The state of a user's list, which the next row at its end follows.
pub(crate) struct ListEnd {
    /// The number of the user's last change.
    pub(super) seq: i64,
    /// The number of rows.
    pub(crate) count: i64,
    /// The last position, or `None` if there are no rows.
    pub(crate) position: Option<String>,
}

/// For each user, the end of the list to which they have appended a row last. Another process may
/// have changed the list since.
#[derive(Default)]
pub(super) struct ListEnds(Mutex<HashMap<UserId, (&'static str, ListEnd)>>);

impl ListEnds {
    /// Removes and returns the end of the user's list of this kind.
    pub(super) fn take(&self, user_id: UserId, kind: &str) -> Option<ListEnd> {
        let (stored, end) = self.lock().remove(&user_id)?;
        (stored == kind).then_some(end)
    }

    pub(super) fn remember(&self, user_id: UserId, kind: &'static str, end: ListEnd) {
        let mut ends = self.lock();
        if ends.len() >= MAX_USERS {
            ends.clear();
        }
        ends.insert(user_id, (kind, end));
    }

    /// Forgets the user's list, which has changed.
    pub(super) fn forget(&self, user_id: UserId) {
        self.lock().remove(&user_id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, (&'static str, ListEnd)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
