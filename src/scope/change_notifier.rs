//! Listeners for a user's changes, and for the end of the session they listen with.
//!
//! A commit of this process signals its listeners at once. What other processes commit, and which sessions have
//! ended, a task outside this folder reads from the database, once for all listeners.

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

use crate::{
    clock::{Clock, Timestamp},
    id::{SessionKey, UserId},
};

/// The listeners of this process.
pub(crate) struct ChangeNotifier {
    clock: Clock,
    users: Mutex<HashMap<UserId, UserListeners>>,
    count: AtomicU64,
    /// Signals that the database is to be polled now.
    pub(crate) poll: Notify,
    /// Signals that tasks have yet to follow their owner's time zone.
    pub(crate) moves: Notify,
}

/// The listeners of one user.
#[derive(Default)]
struct UserListeners {
    /// The last number of the user's change log that was read.
    seq: Option<i64>,
    listeners: HashMap<u64, ListenerEntry>,
}

struct ListenerEntry {
    session: SessionKey,
    /// The latest end of the listener, whatever becomes of the session.
    expires_at: Option<Timestamp>,
    state: Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    changes: u64,
    has_ended: bool,
}

/// One listener. Dropped, it is removed.
pub(crate) struct ChangeListener {
    number: u64,
    user_id: UserId,
    state: Receiver<State>,
    /// The number of changes when it last waited.
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
        })
    }

    /// Signals a commit of the user's.
    pub(crate) fn changed(&self, user_id: UserId) {
        if let Some(user) = self.lock().get(&user_id) {
            user.signal();
        }
    }

    /// Has the database polled if the user, whose sessions may have ended, has listeners.
    pub(crate) fn sessions_ended(&self, user_id: UserId) {
        if self.lock().contains_key(&user_id) {
            self.poll.notify_one();
        }
    }

    /// Listens with a session, and no longer than until `expires_at`.
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

    /// The sessions of all listeners.
    pub(crate) fn sessions(&self) -> Vec<SessionKey> {
        let users = self.lock();
        let entries = users.values().flat_map(|user| user.listeners.values());
        entries.map(|entry| entry.session).collect()
    }

    /// The users with listeners.
    pub(crate) fn users(&self) -> Vec<UserId> {
        self.lock().keys().copied().collect()
    }

    /// Ends the listeners of those `polled` sessions that are not `active`.
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

    /// Signals the users whose log has another number than when it was last read.
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
        // The sender lives as long as this does.
        if let Ok(state) = self.state.wait_for(|state| state.changes > seen).await {
            self.seen = state.changes;
        }
    }

    /// The current time: the moment of the request has long passed.
    pub(crate) fn now(&self) -> Timestamp {
        self.notifier.clock.now()
    }

    /// Waits until the session has ended.
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
