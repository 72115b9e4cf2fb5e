//! The uses of sessions: noted in memory as they happen, and written in batches beside the requests, so that
//! a read waits for no write.

use std::{
    collections::HashMap,
    slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_graphql::Context;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    clock::Timestamp,
    db::Database,
    error::Result,
    id::SessionKey,
    identity::{
        entity::sessions::{Delivery, Kind, Model},
        lifetimes::idle_expiry,
        sessions::cache::SessionCache,
        unscoped::{self, Slide, Uses, UsesOf},
    },
};

/// The age at which `last_active_at` is written anew.
const ACTIVITY_RESOLUTION: Duration = Duration::from_mins(1);

/// The maximum time that a use waits to be written, while the database takes writes.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause after a write that failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The maximum time that a request waits until its confirmation is written.
const CONFIRMATION_WAIT: Duration = Duration::from_millis(250);

/// The maximum number of sessions whose uses wait, about 10 MB; those of more are noted at a later request.
const MAX_PENDING: usize = 100_000;

/// The maximum number of sessions that one transaction writes.
const MAX_BATCH: usize = 500;

/// The uses that are not written yet.
#[derive(Default)]
pub(in crate::identity) struct Activity {
    pending: Mutex<HashMap<SessionKey, Uses>>,
    /// Notified when there is something to write, and when it is to be written at once.
    noted: Notify,
    urgent: Notify,
    /// Notified after each write.
    written: Notify,
}

impl Activity {
    /// Notes a use of the session by a token of this generation. Returns whether that confirms the generation.
    pub(in crate::identity) fn note(
        &self,
        session: &Model,
        generation: i32,
        now: Timestamp,
    ) -> bool {
        let Some(uses) = uses_of(session, generation, now) else {
            return false;
        };
        let mut pending = self.lock();
        if pending.len() >= MAX_PENDING && !pending.contains_key(&session.key()) {
            return false;
        }
        pending
            .entry(session.key())
            .and_modify(|earlier| earlier.add(uses))
            .or_insert(uses);
        drop(pending);
        self.noted.notify_one();
        if uses.confirmed_generation.is_some() {
            self.urgent.notify_one();
        }
        uses.confirmed_generation.is_some()
    }

    /// Changes the session's row, as it was read, by the uses that are not written yet.
    pub(in crate::identity) fn apply(&self, session: &mut Model) {
        if let Some(uses) = self.of(session.key()) {
            uses.apply(session);
        }
    }

    /// Returns when the session was last used, written or not.
    pub(in crate::identity) fn last_active_at(&self, session: &Model) -> Timestamp {
        let mut session = session.clone();
        self.apply(&mut session);
        session.last_active_at
    }

    /// Returns the session with the uses that are not written yet.
    pub(in crate::identity) fn applied(&self, session: Arc<Model>) -> Arc<Model> {
        match self.of(session.key()) {
            None => session,
            Some(uses) => {
                let mut session = Arc::unwrap_or_clone(session);
                uses.apply(&mut session);
                Arc::new(session)
            }
        }
    }

    /// Waits until the session's confirmation is written, and not for long.
    pub(in crate::identity) async fn confirmed(&self, key: SessionKey) {
        let written = async {
            loop {
                let written = self.written.notified();
                let uses = self.of(key);
                if uses.is_none_or(|uses| uses.confirmed_generation.is_none()) {
                    return;
                }
                written.await;
            }
        };
        let _ = tokio::time::timeout(CONFIRMATION_WAIT, written).await;
    }

    fn of(&self, key: SessionKey) -> Option<Uses> {
        self.lock().get(&key).copied()
    }

    /// All of them, those that confirm a generation before the others.
    fn pending(&self) -> (Vec<UsesOf>, Vec<UsesOf>) {
        let pending = self.lock();
        let all = pending.iter().map(|(key, uses)| (*key, *uses));
        all.partition(|(_, uses)| uses.confirmed_generation.is_some())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Uses>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A use that the row does not say yet: to the minute, and once a generation.
fn uses_of(session: &Model, generation: i32, now: Timestamp) -> Option<Uses> {
    let confirms = generation > session.confirmed_generation;
    if !confirms && now.since(session.last_active_at) < ACTIVITY_RESOLUTION {
        return None;
    }
    // The others slide as they are refreshed, or not at all.
    let slides = session.delivery == Delivery::Cookie || session.kind == Kind::External;
    Some(Uses {
        last_active_at: now,
        confirmed_generation: confirms.then_some(generation),
        slide: slides.then(|| Slide {
            from: session.idle_expires_at,
            to: idle_expiry(now, session.expires_at),
        }),
    })
}

/// Writes the noted uses until it is dropped.
pub(in crate::identity) fn start(
    activity: Arc<Activity>,
    cache: Arc<SessionCache>,
    database: Database,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            activity.noted.notified().await;
            let _ = tokio::time::timeout(INTERVAL, activity.urgent.notified()).await;
            while let Err(error) = write(&activity, &cache, &database).await {
                tracing::debug!(?error, "the uses of sessions are not written yet");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }))
}

/// Writes the uses that are noted. Those that were not written stay noted.
pub(in crate::identity) async fn write(
    activity: &Activity,
    cache: &SessionCache,
    database: &Database,
) -> Result<()> {
    let (confirmations, others) = activity.pending();
    for confirmation in &confirmations {
        unscoped::confirm(database, confirmation.0, &confirmation.1).await?;
        forget(activity, cache, slice::from_ref(confirmation));
    }
    for batch in others.chunks(MAX_BATCH) {
        let locked = unscoped::write_uses(database, batch).await?;
        let written = batch.iter().filter(|(key, _)| !locked.contains(key));
        forget(activity, cache, &written.copied().collect::<Vec<_>>());
        if !locked.is_empty() {
            activity.noted.notify_one();
        }
    }
    Ok(())
}

/// Forgets the written uses, and the cached rows from before them.
fn forget(activity: &Activity, cache: &SessionCache, written: &[UsesOf]) {
    for (key, uses) in written {
        cache.forget(*key);
        let mut pending = activity.lock();
        if pending.get(key) == Some(uses) {
            pending.remove(key);
        }
    }
    activity.written.notify_waiters();
}

/// Returns the uses of sessions that are not written yet.
pub(in crate::identity) fn activity<'a>(ctx: &Context<'a>) -> &'a Activity {
    let activity: &Arc<Activity> = ctx.data_unchecked();
    activity
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{IdGenerator, SessionId},
        scope::Owner,
    };

    const MINUTE: Duration = Duration::from_mins(1);

    fn cookie_session(now: Timestamp) -> Model {
        let ids = IdGenerator::default();
        let (id, owner) = (SessionId::new(&ids, now), Owner::new_user(&ids, now));
        Model {
            delivery: Delivery::Cookie,
            ..Model::new(id, owner, now, now.plus(Duration::from_hours(90 * 24)))
        }
    }

    #[test]
    fn uses_of_a_session_are_merged() {
        let (activity, begun) = (Activity::default(), Timestamp::from_millis(0));
        let session = cookie_session(begun);
        assert!(!activity.note(&session, 1, begun.plus(MINUTE / 2)));
        assert!(activity.lock().is_empty());
        for minute in 1..=40 {
            activity.note(&session, 0, begun.plus(minute * MINUTE));
        }
        assert!(activity.note(&session, 2, begun.plus(2 * MINUTE)));
        let last = begun.plus(40 * MINUTE);
        let slide = Slide {
            from: session.idle_expires_at,
            to: session.idle_expires_at.plus(40 * MINUTE),
        };
        let uses = Uses {
            last_active_at: last,
            confirmed_generation: Some(2),
            slide: Some(slide),
        };
        assert_eq!(*activity.lock(), HashMap::from([(session.key(), uses)]));
    }

    #[test]
    fn use_never_revives_or_extends_a_shortened_session() {
        let (activity, begun) = (Activity::default(), Timestamp::from_millis(0));
        let session = cookie_session(begun);
        let used_at = begun.plus(2 * MINUTE);
        assert!(activity.note(&session, 2, used_at));
        let applied = |change: fn(&mut Model)| {
            let mut row = session.clone();
            change(&mut row);
            let before = row.clone();
            activity.apply(&mut row);
            (before, row)
        };
        let (_, used) = applied(|_| {});
        assert_eq!(
            (used.last_active_at, used.confirmed_generation),
            (used_at, 2)
        );
        assert_eq!(
            used.idle_expires_at,
            session.idle_expires_at.plus(2 * MINUTE)
        );

        let (before, ended) = applied(|row| row.ended_at = Some(Timestamp::from_millis(1)));
        assert_eq!(ended, before);
        let (before, shortened) = applied(|row| row.idle_expires_at = Timestamp::from_millis(1));
        assert_eq!(shortened.idle_expires_at, before.idle_expires_at);
        let (before, later) = applied(|row| {
            row.confirmed_generation = 3;
            row.last_active_at = Timestamp::from_millis(1_000_000);
        });
        assert_eq!(later.confirmed_generation, before.confirmed_generation);
        assert_eq!(later.last_active_at, before.last_active_at);
    }
}
