//! Notifies listeners of a user's changes and of the end of their session.
//!
//! A commit of this process signals its listeners at once. For commits of other processes and for
//! ended sessions, a task outside this folder polls the database, once for all listeners.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{
    Notify,
    watch::{self, Receiver, Sender},
};

use super::list_ends::ListEnds;
use crate::{
    clock::{Clock, Timestamp},
    id::{SessionKey, UserId},
};

/// The registry of all listeners of this process.
pub(crate) struct ChangeNotifier {
    clock: Clock,
    users: Mutex<HashMap<UserId, UserListeners>>,
    count: AtomicU64,
    /// Signals the poller to poll the database now.
    pub(crate) poll: Notify,
    /// Signals that floating due times have to be rescheduled to their owner's time zone.
    pub(crate) moves: Notify,
    /// The ends of the lists to which rows were appended.
    pub(super) list_ends: ListEnds,
}

/// The listeners of one user.
#[derive(Default)]
struct UserListeners {
    /// The last number read from the user's change log.
    seq: Option<i64>,
    listeners: HashMap<u64, ListenerEntry>,
}

struct ListenerEntry {
    session: SessionKey,
    /// The time at which the listener ends even if the session continues.
    expires_at: Option<Timestamp>,
    state: Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    changes: u64,
    has_ended: bool,
}

/// A listener, which is removed when it is dropped.
pub(crate) struct ChangeListener {
    number: u64,
    user_id: UserId,
    state: Receiver<State>,
    /// The number of changes at the end of the last wait.
    seen: u64,
    notifier: Arc<ChangeNotifier>,
}

impl ChangeNotifier {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            users: Mutex::default(),
            count: AtomicU64::new(0),
            poll: Notify::new(),
            moves: Notify::new(),
            list_ends: ListEnds::default(),
        })
    }

    /// Notifies the user's listeners of a commit.
    pub(crate) fn changed(&self, user_id: UserId) {
        self.list_ends.forget(user_id);
        if let Some(user) = self.lock().get(&user_id) {
            user.signal();
        }
    }

    /// Triggers a poll of the database if the user, whose sessions may have ended, has listeners.
    pub(crate) fn sessions_ended(&self, user_id: UserId) {
        if self.lock().contains_key(&user_id) {
            self.poll.notify_one();
        }
    }

    /// Starts a listener of a session, which ends at `expires_at` at the latest.
    pub(crate) fn listen(
        self: &Arc<Self>,
        session: SessionKey,
        expires_at: Option<Timestamp>,
    ) -> ChangeListener {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let (sender, state) = watch::channel(State::default());
        let entry = ListenerEntry {
            session,
            expires_at,
            state: sender,
        };
        let mut users = self.lock();
        users
            .entry(session.user_id)
            .or_default()
            .listeners
            .insert(number, entry);
        ChangeListener {
            number,
            user_id: session.user_id,
            state,
            seen: 0,
            notifier: Arc::clone(self),
        }
    }

    /// Returns the sessions of all listeners.
    pub(crate) fn sessions(&self) -> Vec<SessionKey> {
        let users = self.lock();
        let entries = users.values().flat_map(|user| user.listeners.values());
        entries.map(|entry| entry.session).collect()
    }

    /// Returns the number of listeners that were ever started.
    pub(crate) fn started(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// True if there are no listeners.
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    /// Returns the users that have listeners.
    pub(crate) fn users(&self) -> Vec<UserId> {
        self.lock().keys().copied().collect()
    }

    /// Ends the listeners of the `polled` sessions that are missing in `active`.
    pub(crate) fn end_inactive(&self, polled: &[SessionKey], active: &HashSet<SessionKey>) {
        let polled: HashSet<_> = polled.iter().collect();
        self.end(|entry| polled.contains(&entry.session) && !active.contains(&entry.session));
    }

    /// Ends the listeners that have expired.
    pub(crate) fn end_expired(&self) {
        let now = self.clock.now();
        self.end(|entry| entry.expires_at.is_some_and(|expires_at| expires_at <= now));
    }

    fn end(&self, is_over: impl Fn(&ListenerEntry) -> bool) {
        for entry in self
            .lock()
            .values()
            .flat_map(|user| user.listeners.values())
        {
            if is_over(entry) {
                entry.state.send_modify(|state| state.has_ended = true);
            }
        }
    }

    /// Notifies the listeners of each user whose change log has advanced since it was last read.
    pub(crate) fn notify_if_advanced(&self, seqs: &[(UserId, i64)]) {
        let mut users = self.lock();
        for (user_id, seq) in seqs {
            if let Some(user) = users.get_mut(user_id)
                && user.seq.replace(*seq) != Some(*seq)
            {
                user.signal();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, UserListeners>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UserListeners {
    fn signal(&self) {
        for entry in self.listeners.values() {
            entry.state.send_modify(|state| state.changes += 1);
        }
    }
}

impl ChangeListener {
    /// Waits until rows of the user may have changed since the last wait.
    pub(crate) async fn changed(&mut self) {
        let seen = self.seen;
        // The notifier stores the sender until this listener is dropped, so the wait cannot fail.
        if let Ok(state) = self.state.wait_for(|state| state.changes > seen).await {
            self.seen = state.changes;
        }
    }

    /// Returns the current time, which for a stream is later than the time of the request.
    pub(crate) fn now(&self) -> Timestamp {
        self.notifier.clock.now()
    }

    /// Waits until the session or the listener has ended.
    pub(crate) async fn ended(&mut self) {
        let _ = self.state.wait_for(|state| state.has_ended).await;
    }
}

impl Drop for ChangeListener {
    fn drop(&mut self) {
        let mut users = self.notifier.lock();
        if let Some(user) = users.get_mut(&self.user_id) {
            user.listeners.remove(&self.number);
            if user.listeners.is_empty() {
                users.remove(&self.user_id);
            }
        }
    }
}
