//! The cache of recently read sessions, which saves most requests a query.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quick_cache::sync::Cache;

use crate::{
    id::{SessionKey, UserId},
    identity::entity::sessions,
};

/// The maximum number of cached sessions. Rarely used ones are evicted first.
const MAX_CACHED_SESSIONS: usize = 20_000;

/// Stores sessions that were active when they were read, until they may have ended.
pub(in crate::identity) struct SessionCache {
    sessions: Cache<SessionKey, Arc<sessions::Model>>,
    /// The number of calls of `remove_user` and `clear`.
    ends: AtomicU64,
}

/// The state of the cache when a read of the database began.
pub(in crate::identity) struct Reading(u64);

impl SessionCache {
    pub(in crate::identity) fn new() -> Self {
        Self {
            sessions: Cache::new(MAX_CACHED_SESSIONS),
            ends: AtomicU64::new(0),
        }
    }

    pub(in crate::identity) fn get(&self, key: SessionKey) -> Option<Arc<sessions::Model>> {
        self.sessions.get(&key)
    }

    /// Must be called before a session is read that is to be cached.
    pub(in crate::identity) fn begin_read(&self) -> Reading {
        Reading(self.ends.load(Ordering::SeqCst))
    }

    /// Caches a session, unless it may have ended during the read.
    pub(in crate::identity) fn remember(&self, reading: &Reading, session: &Arc<sessions::Model>) {
        self.sessions.insert(session.key(), Arc::clone(session));
        // Checked after the insertion: `remove_user` and `clear` increase the count before
        // they remove sessions, so either they remove this one or the count differs here.
        if self.ends.load(Ordering::SeqCst) != reading.0 {
            self.forget(session.key());
        }
    }

    /// Removes a session, and returns true if it was cached.
    pub(in crate::identity) fn forget(&self, key: SessionKey) -> bool {
        self.sessions.remove(&key).is_some()
    }

    /// Removes all sessions of the user.
    pub(in crate::identity) fn remove_user(&self, user_id: UserId) {
        self.ends.fetch_add(1, Ordering::SeqCst);
        self.sessions.retain(|key, _| key.user_id != user_id);
    }

    pub(in crate::identity) fn clear(&self) {
        self.ends.fetch_add(1, Ordering::SeqCst);
        self.sessions.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        id::{IdGenerator, SessionId},
        scope::Owner,
    };

    fn session(ids: &IdGenerator, owner: Owner) -> Arc<sessions::Model> {
        let now = Timestamp::from_millis(0);
        let id = SessionId::new(ids, now);
        Arc::new(sessions::Model::new(id, owner, now, now))
    }

    #[test]
    fn session_read_during_revocation_is_not_cached() {
        let (cache, ids) = (SessionCache::new(), IdGenerator::default());
        let now = Timestamp::from_millis(0);
        let (ana, ben) = (Owner::new_user(&ids, now), Owner::new_user(&ids, now));
        let (of_ana, of_ben) = (session(&ids, ana), session(&ids, ben));

        let reading = cache.begin_read();
        cache.remember(&reading, &of_ana);
        cache.remember(&reading, &of_ben);
        cache.remove_user(ana.user_id());
        assert!(cache.get(of_ana.key()).is_none());
        assert!(cache.get(of_ben.key()).is_some());

        cache.remember(&reading, &of_ana);
        assert!(cache.get(of_ana.key()).is_none());
        cache.remember(&cache.begin_read(), &of_ana);
        assert!(cache.get(of_ana.key()).is_some());

        let reading = cache.begin_read();
        cache.clear();
        assert!(cache.get(of_ben.key()).is_none());
        cache.remember(&reading, &of_ben);
        assert!(cache.get(of_ben.key()).is_none());
    }
}
