//! What this process knows beside the database: the streams that wait, the sessions that were read, and their
//! uses that are not written yet.

pub(super) mod watch;

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    change_notifier::watch::{Watch, Watches},
    sessions::{activity::Activity, cache::SessionCache},
};
use crate::{
    clock::{Clock, Timestamp},
    db::{Database, Heard},
    id::{SessionId, UserId},
};

/// Whoever must be told.
pub(super) struct Notices {
    pub(super) sessions: SessionCache,
    pub(super) activity: Arc<Activity>,
    /// Signals that tasks have yet to follow their owner's time zone.
    pub(super) moves: Notify,
    watches: Arc<Watches>,
}

impl Notices {
    pub(super) fn start(database: Database, clock: Clock) -> Arc<Self> {
        let activity = Arc::<Activity>::default();
        Arc::new(Self {
            sessions: SessionCache::new(),
            activity: Arc::clone(&activity),
            moves: Notify::new(),
            watches: Watches::start(database, clock, activity),
        })
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
