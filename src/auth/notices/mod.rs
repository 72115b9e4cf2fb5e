//! What this process tells itself of what was committed, by it or by another: the streams that wait, and
//! the memory of sessions.

pub(super) mod watch;

use std::sync::Arc;

use super::{
    notices::watch::{Watch, Watches},
    sessions::cache::SessionCache,
};
use crate::{
    clock::Timestamp,
    db::Heard,
    id::{SessionId, UserId},
};

/// Whoever must be told.
pub(super) struct Notices {
    pub(super) sessions: SessionCache,
    watches: Arc<Watches>,
}

impl Notices {
    pub(super) fn new(watches: Arc<Watches>) -> Self {
        Self {
            sessions: SessionCache::new(),
            watches,
        }
    }

    /// Something of the person's was committed.
    pub(super) fn changed(&self, user_id: UserId) {
        self.watches.wake(user_id);
    }

    /// Sessions of the person's have ended.
    pub(super) fn ended(&self, user_id: UserId) {
        self.sessions.forget_those_of(user_id);
        self.watches.ask_about(user_id);
    }

    /// The same, as the database says it.
    pub(super) fn hear(&self, heard: &Heard) {
        match heard {
            Heard::EndOf(user_id, _) => self.ended(*user_id),
            Heard::EndOfAnybody => {
                self.sessions.forget_all();
                self.watches.ask();
            }
        }
    }

    /// Waits with a session, and until then at the latest where that is said.
    pub(super) fn watch(
        &self,
        user_id: UserId,
        session_id: SessionId,
        until: Option<Timestamp>,
    ) -> Watch {
        self.watches.watch(user_id, session_id, until)
    }
}
