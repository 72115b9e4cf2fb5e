//! The lookup of active sessions: in memory first, in the database where the memory is too old.

use std::sync::Arc;

use super::{activity::Activity, cache::SessionCache};
use crate::{
    clock::Timestamp,
    db::{Database, SessionEndListener},
    error::Result,
    id::SessionKey,
    identity::{entity::sessions, unscoped},
    metrics::{Metrics, SessionSource},
};

/// Older than every generation of a session's tokens: for what names a session without a generation.
pub(in crate::identity) const ANY_GENERATION: i32 = 0;

/// Finds active sessions.
pub(in crate::identity) struct ActiveSessions {
    pub(super) database: Database,
    pub(super) cache: Arc<SessionCache>,
    pub(super) activity: Arc<Activity>,
    pub(super) listener: SessionEndListener,
    pub(super) metrics: Arc<Metrics>,
}

impl ActiveSessions {
    /// Returns the session if it is active. The cached row is used while ends of sessions are received, unless the
    /// token is of a later generation.
    pub(super) async fn find(
        &self,
        key: SessionKey,
        generation: i32,
        now: Timestamp,
    ) -> Result<Option<Arc<sessions::Model>>> {
        let (cache, activity) = (&self.cache, &self.activity);
        let cached = || Some(activity.applied(cache.get(key)?));
        let is_sufficient = |session: &Arc<sessions::Model>| {
            session.is_active_at(now) && generation <= session.generation
        };
        if self.listener.is_alive()
            && let Some(session) = cached().filter(is_sufficient)
        {
            self.metrics.count_lookup(SessionSource::Memory);
            return Ok(Some(session));
        }
        self.metrics.count_lookup(SessionSource::Database);
        let reading = cache.begin_read();
        let found = unscoped::session_by_key(&self.database, key).await?;
        let found = found.map(Arc::new);
        let used = found.clone().map(|session| activity.applied(session));
        match (found, used) {
            (Some(row), Some(session)) if session.is_active_at(now) => {
                cache.remember(&reading, &row);
                Ok(Some(session))
            }
            (found, _) => {
                let ended_at = found.and_then(|session| session.ended_at);
                if cache.forget(key)
                    && let Some(ended_at) = ended_at
                {
                    // The cached row was not used since the listener stopped receiving.
                    let age = now
                        .since(ended_at)
                        .saturating_sub(self.listener.stale_for());
                    self.metrics.record_revocation(age);
                }
                Ok(None)
            }
        }
    }

    /// Records a use of the session without waiting for the database; the first token of a generation waits briefly, so
    /// that other instances know of it.
    pub(super) async fn record_activity(
        &self,
        session: &sessions::Model,
        generation: i32,
        now: Timestamp,
    ) {
        if self.activity.note(session, generation, now) {
            self.activity.confirmed(session.key()).await;
        }
    }
}
