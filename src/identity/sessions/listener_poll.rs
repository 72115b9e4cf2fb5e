//! The task that reads from the database, for all listeners at once, which sessions have ended and which logs have
//! advanced.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use super::activity::Activity;
use crate::{clock::Clock, db::Database, identity::unscoped, scope::ChangeNotifier};

/// The interval of polls. A stream ends within a second of its session.
const INTERVAL: Duration = Duration::from_millis(400);

/// The delay of a poll that was asked for: many ends at once take one poll.
const POLL_DEBOUNCE: Duration = Duration::from_millis(100);

/// The time between finding that a session has ended and ending its streams: a client that ends its session by a stream
/// receives the answer before the stream ends.
const ANSWER_DELAY: Duration = Duration::from_millis(100);

/// Polls until the notifier is dropped.
pub(in crate::identity) fn start(
    notifier: &Arc<ChangeNotifier>,
    database: Database,
    clock: Clock,
    activity: Arc<Activity>,
) {
    let weak = Arc::downgrade(notifier);
    tokio::spawn(async move {
        while poll(&weak, &database, &clock, &activity).await {
            tokio::time::sleep(POLL_DEBOUNCE).await;
        }
    });
}

/// Polls once, and waits for the next poll. Returns false when there is no notifier any more.
async fn poll(
    notifier: &Weak<ChangeNotifier>,
    database: &Database,
    clock: &Clock,
    activity: &Activity,
) -> bool {
    let Some(notifier) = notifier.upgrade() else {
        return false;
    };
    let sessions = notifier.sessions();
    if !sessions.is_empty() {
        notifier.end_expired();
        // An error of the database ends no session.
        if let Ok(found) = unscoped::sessions_by_keys(database, &sessions).await {
            let now = clock.now();
            let active = found.into_iter().filter_map(|mut session| {
                activity.apply(&mut session);
                session.is_active_at(now).then_some(session.key())
            });
            let active: HashSet<_> = active.collect();
            if sessions.iter().any(|session| !active.contains(session)) {
                // It may have ended just now, by an operation of the stream itself.
                tokio::time::sleep(ANSWER_DELAY).await;
                notifier.end_inactive(&sessions, &active);
            }
        }
        if let Ok(seqs) = unscoped::last_seqs(database, &notifier.users()).await {
            notifier.notify_if_advanced(&seqs);
        }
    }
    let _ = tokio::time::timeout(INTERVAL, notifier.poll.notified()).await;
    true
}
