//! The task that reads from the database, for all listeners at once, which sessions have ended and which logs have
//! advanced.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use super::activity::Activity;
use crate::{
    clock::{Clock, Timestamp},
    db::{CommitMark, Database},
    error::Result,
    identity::{entity::sessions, unscoped},
    scope::ChangeNotifier,
};

/// The interval of polls. A stream ends within a second of its session. A poll reads nothing if nothing was committed.
const INTERVAL: Duration = Duration::from_millis(400);

/// The delay of a poll that was asked for: many ends at once take one poll.
const POLL_DEBOUNCE: Duration = Duration::from_millis(100);

/// The time between finding that a session has ended and ending its streams: a client that ends its session by a stream
/// receives the answer before the stream ends.
const ANSWER_DELAY: Duration = Duration::from_millis(100);

/// Reads the state of the listeners' sessions and change logs.
struct Poller {
    database: Database,
    clock: Clock,
    activity: Arc<Activity>,
    /// The last poll that has read everything.
    last: Option<Polled>,
}

/// The state at a poll. While it lasts, another poll would find the same.
struct Polled {
    commits: CommitMark,
    /// The number of listeners that were ever started.
    started: u64,
    /// The time at which the first of the sessions ends.
    ends_at: Option<Timestamp>,
}

/// Polls until the notifier is dropped.
pub(in crate::identity) fn start(
    notifier: &Arc<ChangeNotifier>,
    database: Database,
    clock: Clock,
    activity: Arc<Activity>,
) {
    let weak = Arc::downgrade(notifier);
    let mut poller = Poller {
        database,
        clock,
        activity,
        last: None,
    };
    tokio::spawn(async move {
        while let Some(notifier) = Weak::upgrade(&weak) {
            if !notifier.is_idle() {
                notifier.end_expired();
                poller.poll(&notifier).await;
            }
            let asked = tokio::time::timeout(INTERVAL, notifier.poll.notified()).await;
            if asked.is_ok() {
                poller.last = None;
            }
            drop(notifier);
            tokio::time::sleep(POLL_DEBOUNCE).await;
        }
    });
}

impl Poller {
    async fn poll(&mut self, notifier: &ChangeNotifier) {
        // Read before the rows: a commit meanwhile makes the next poll read them again.
        let commits = self.database.commit_mark().await;
        let started = notifier.started();
        let now = self.clock.now();
        let is_current = self.last.as_ref().is_some_and(|last| {
            Some(&last.commits) == commits.as_ref()
                && last.started == started
                && last.ends_at.is_none_or(|ends_at| now < ends_at)
        });
        if is_current {
            return;
        }
        // An error of the database ends no session.
        let polled = self.read(notifier).await;
        self.last = polled.ok().zip(commits).map(|(ends_at, commits)| Polled {
            commits,
            started,
            ends_at,
        });
    }

    /// Ends the listeners of sessions that have ended, and notifies those of users whose log has advanced. Returns the
    /// time at which the first of the other sessions ends.
    async fn read(&self, notifier: &ChangeNotifier) -> Result<Option<Timestamp>> {
        let sessions = notifier.sessions();
        let mut found = unscoped::sessions_by_keys(&self.database, &sessions).await?;
        let now = self.clock.now();
        found.iter_mut().for_each(|it| self.activity.apply(it));
        found.retain(|session| session.is_active_at(now));
        let active: HashSet<_> = found.iter().map(sessions::Model::key).collect();
        if sessions.iter().any(|session| !active.contains(session)) {
            // It may have ended just now, by an operation of the stream itself.
            tokio::time::sleep(ANSWER_DELAY).await;
            notifier.end_inactive(&sessions, &active);
        }
        let seqs = unscoped::last_seqs(&self.database, &notifier.users()).await?;
        notifier.notify_if_advanced(&seqs);
        Ok(found.iter().map(sessions::Model::ends_at).min())
    }
}
