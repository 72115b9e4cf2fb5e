//! Whoever waits for something to happen: to a person's tasks, or to the session they wait with.
//!
//! A write wakes those who wait in this process at once. What other processes do, and who may wait no
//! longer, is found out by asking the database, once for everybody.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{
    Notify,
    watch::{self, Receiver, Sender},
};

use crate::{
    clock::{Clock, Timestamp},
    db::Database,
    id::{SessionId, UserId},
    identity::{sessions::activity::Activity, unscoped},
};

/// How often the database is asked at the least. A stream ends within a second of its session.
const INTERVAL: Duration = Duration::from_millis(400);

/// How long it is then not asked yet: who ends their session by a stream hears the answer before the
/// stream ends, and of many ends at once there is one question.
const HEAD_START: Duration = Duration::from_millis(100);

/// Everybody who waits.
pub(in crate::identity) struct Watches {
    clock: Clock,
    watched: Mutex<HashMap<UserId, Watched>>,
    count: AtomicU64,
    /// Told when the database is to be asked now.
    asked: Arc<Notify>,
}

/// One person, and those of their streams that wait.
#[derive(Default)]
struct Watched {
    /// The last number of the person's task log, as far as it is known.
    seq: Option<i64>,
    watches: HashMap<u64, Waiting>,
}

/// One of their streams.
struct Waiting {
    session_id: SessionId,
    /// When it ends at the latest, whatever becomes of the session.
    until: Option<Timestamp>,
    state: Sender<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    woken: u64,
    has_ended: bool,
}

/// One who waits. Dropped, it waits no more.
pub(crate) struct Watch {
    number: u64,
    user_id: UserId,
    state: Receiver<State>,
    /// How often it had been woken when it last waited.
    seen: u64,
    watches: Arc<Watches>,
}

impl Watches {
    /// Asks the database now and again, until nobody can wait any more.
    pub(in crate::identity) fn start(
        database: Database,
        clock: Clock,
        activity: Arc<Activity>,
    ) -> Arc<Self> {
        let watches = Arc::new(Self {
            clock: clock.clone(),
            watched: Mutex::default(),
            count: AtomicU64::new(0),
            asked: Arc::default(),
        });
        let weak = Arc::downgrade(&watches);
        let asked = Arc::clone(&watches.asked);
        tokio::spawn(async move {
            while ask(&weak, &database, &clock, &activity).await {
                let _ = tokio::time::timeout(INTERVAL, asked.notified()).await;
                tokio::time::sleep(HEAD_START).await;
            }
        });
        watches
    }

    pub(in crate::identity) fn watch(
        self: &Arc<Self>,
        user_id: UserId,
        session_id: SessionId,
        until: Option<Timestamp>,
    ) -> Watch {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let (sender, state) = watch::channel(State::default());
        let mut watched = self.lock();
        let watches = &mut watched.entry(user_id).or_default().watches;
        let waiting = Waiting {
            session_id,
            until,
            state: sender,
        };
        watches.insert(number, waiting);
        Watch {
            number,
            user_id,
            state,
            seen: 0,
            watches: Arc::clone(self),
        }
    }

    /// Something of the person's was committed.
    pub(in crate::identity) fn wake(&self, user_id: UserId) {
        if let Some(watched) = self.lock().get(&user_id) {
            watched.wake();
        }
    }

    /// Sessions of the person's may have ended.
    pub(in crate::identity) fn ask_about(&self, user_id: UserId) {
        if self.lock().contains_key(&user_id) {
            self.ask();
        }
    }

    /// Anybody's may have.
    pub(in crate::identity) fn ask(&self) {
        self.asked.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> Vec<SessionId> {
        let watched = self.lock();
        let sessions = watched.values().flat_map(|it| it.watches.values());
        sessions.map(|waiting| waiting.session_id).collect()
    }

    fn end_all_but(&self, asked: &[SessionId], alive: &HashSet<SessionId>) {
        let asked: HashSet<_> = asked.iter().collect();
        self.end(|waiting| {
            asked.contains(&waiting.session_id) && !alive.contains(&waiting.session_id)
        });
    }

    fn end(&self, is_over: impl Fn(&Waiting) -> bool) {
        for waiting in self.lock().values().flat_map(|it| it.watches.values()) {
            if is_over(waiting) {
                waiting.state.send_modify(|state| state.has_ended = true);
            }
        }
    }

    fn wake_behind(&self, seqs: &[(UserId, i64)]) {
        let mut all = self.lock();
        for (user_id, seq) in seqs {
            if let Some(watched) = all.get_mut(user_id)
                && watched.seq.replace(*seq) != Some(*seq)
            {
                watched.wake();
            }
        }
    }
}

impl Watched {
    fn wake(&self) {
        for waiting in self.watches.values() {
            waiting.state.send_modify(|state| state.woken += 1);
        }
    }
}

/// One round of questions; says whether there may be another.
async fn ask(
    watches: &Weak<Watches>,
    database: &Database,
    clock: &Clock,
    activity: &Activity,
) -> bool {
    let Some(watches) = watches.upgrade() else {
        return false;
    };
    let sessions = watches.sessions();
    if sessions.is_empty() {
        return true;
    }
    let now = clock.now();
    watches.end(|waiting| waiting.until.is_some_and(|until| until <= now));
    // A database that is away ends nobody's session.
    let alive = unscoped::living_sessions(database, &sessions, activity, clock.now());
    if let Ok(alive) = alive.await {
        watches.end_all_but(&sessions, &alive);
    }
    let users: Vec<UserId> = watches.lock().keys().copied().collect();
    if let Ok(seqs) = unscoped::last_seqs(database, &users).await {
        watches.wake_behind(&seqs);
    }
    true
}

impl Watch {
    /// Waits until something of the person's may have changed since it last waited.
    pub(crate) async fn woken(&mut self) {
        let seen = self.seen;
        // The sender lives as long as this does.
        if let Ok(state) = self.state.wait_for(|state| state.woken > seen).await {
            self.seen = state.woken;
        }
    }

    /// The moment: that of the request has long passed.
    pub(crate) fn now(&self) -> Timestamp {
        self.watches.clock.now()
    }

    /// Waits until the session has ended.
    pub(crate) async fn ended(&mut self) {
        let _ = self.state.wait_for(|state| state.has_ended).await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.watches.lock();
        if let Some(of_user) = watched.get_mut(&self.user_id) {
            of_user.watches.remove(&self.number);
            if of_user.watches.is_empty() {
                watched.remove(&self.user_id);
            }
        }
    }
}
