//! Receives announcements that sessions have ended, from this and from other instances.
//!
//! The transaction that ends a session announces it: on PostgreSQL by `NOTIFY`, on SQLite by a
//! counter that the listener polls. A broken connection would silently miss announcements, so the
//! listener counts as alive only while it receives heartbeats. Another connection sends each
//! heartbeat, and PostgreSQL delivers it after all earlier announcements.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseBackend, DbErr, Statement};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Database, DbResult, connect::postgresql_options, failure::connection_error, random_name,
    session_end_announcement::CHANNEL,
};
use crate::{config::DatabaseUrl, id::UserId};

/// The time after the sending of a heartbeat for which the listener counts as alive.
const HEARTBEAT_TTL: Duration = Duration::from_millis(500);

/// The interval of heartbeats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(200);

/// The number of heartbeats without a request after which they pause until the next request, so
/// that an idle instance leaves the database alone.
const IDLE_HEARTBEATS: u32 = 50;

/// The time without a heartbeat after which the listener reconnects.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// The first pause and the maximum pause before the listener reconnects.
const RECONNECT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(30));

/// An announcement that sessions have ended.
pub(crate) enum SessionEnd {
    /// Sessions of the user may have ended. The duration is the age of the announcement, if known.
    User(UserId, Option<Duration>),
    /// Sessions of any user may have ended: the announcement names no user, or an announcement may
    /// have been missed.
    Unknown,
}

/// A listener for announcements, which stops when it is dropped.
pub(crate) struct SessionEndListener {
    heartbeat: Arc<Heartbeat>,
    _listening: AbortOnDropHandle<()>,
}

/// Tracks the time up to which every announcement has been received.
struct Heartbeat {
    started_at: Instant,
    /// The sending time of the last received heartbeat, in microseconds of [`now`](Self::now).
    arrived: AtomicU64,
    /// True if a request has asked for the listener's state since the last heartbeat.
    is_used: AtomicBool,
    /// Ends the pause of an idle instance's heartbeats.
    wanted: Notify,
}

impl SessionEndListener {
    /// Starts to listen, and calls `on_end` with each announcement.
    pub(crate) fn start(
        database: Database,
        on_end: impl Fn(SessionEnd) + Send + Sync + 'static,
    ) -> Self {
        let heartbeat = Arc::new(Heartbeat {
            started_at: Instant::now(),
            arrived: AtomicU64::new(0),
            is_used: AtomicBool::new(true),
            wanted: Notify::new(),
        });
        let on_end = Arc::new(on_end);
        let weak = Arc::downgrade(&on_end);
        // Sessions that this process ends are reported before the request is answered.
        let _ = database.on_session_end.set(Box::new(move |user_id| {
            if let Some(on_end) = weak.upgrade() {
                on_end(SessionEnd::User(user_id, None));
            }
        }));
        let of_task = Arc::clone(&heartbeat);
        let listening = tokio::spawn(async move {
            match &database.direct {
                DatabaseUrl::Sqlite(_) => poll_counter(&database, &of_task, &*on_end).await,
                DatabaseUrl::Postgres(address) => {
                    listen_with_reconnects(&database, address, &of_task, &*on_end).await;
                }
            }
        });
        Self {
            heartbeat,
            _listening: AbortOnDropHandle::new(listening),
        }
    }

    /// True if every announcement older than half a second has been received.
    pub(crate) fn is_alive(&self) -> bool {
        self.heartbeat.is_used.store(true, Ordering::Relaxed);
        let is_alive = self.heartbeat.since_last() < HEARTBEAT_TTL;
        if !is_alive {
            self.heartbeat.wanted.notify_one();
        }
        is_alive
    }

    /// Returns the time since the listener was last alive, or zero if it is alive.
    pub(crate) fn stale_for(&self) -> Duration {
        self.heartbeat.since_last().saturating_sub(HEARTBEAT_TTL)
    }
}

impl Heartbeat {
    /// Returns the time in microseconds. It starts at `HEARTBEAT_TTL`, so that the initial 0 of
    /// `arrived` is expired.
    fn now(&self) -> u64 {
        micros(self.started_at.elapsed() + HEARTBEAT_TTL)
    }

    fn since(&self, then: u64) -> Duration {
        Duration::from_micros(self.now().saturating_sub(then))
    }

    fn since_last(&self) -> Duration {
        self.since(self.arrived.load(Ordering::Acquire))
    }

    fn on_heartbeat(&self, sent: u64) {
        self.arrived.store(sent, Ordering::Release);
    }

    /// Makes the listener count as not alive until the next heartbeat.
    fn stop(&self) {
        let lapsed = self.now().saturating_sub(micros(HEARTBEAT_TTL));
        self.arrived.fetch_min(lapsed, Ordering::AcqRel);
    }

    /// Waits until the next heartbeat is due. On an idle instance, waits until a request needs it.
    async fn wait(&self, unused: &mut u32) {
        tokio::time::sleep(HEARTBEAT_INTERVAL).await;
        if self.is_used.swap(false, Ordering::Relaxed) {
            *unused = 0;
        } else {
            *unused += 1;
        }
        if *unused > IDLE_HEARTBEATS {
            self.wanted.notified().await;
            *unused = 0;
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Polls the counter of ended sessions in SQLite.
async fn poll_counter(database: &Database, heartbeat: &Heartbeat, on_end: impl Fn(SessionEnd)) {
    let (mut known, mut unused) = (None, 0);
    loop {
        let sent = heartbeat.now();
        match count(database).await {
            Ok(count) => {
                if known.replace(count) != Some(count) {
                    on_end(SessionEnd::Unknown);
                }
                heartbeat.on_heartbeat(sent);
            }
            Err(error) => {
                tracing::debug!(%error, "cannot read the counter of ended sessions");
                heartbeat.stop();
            }
        }
        heartbeat.wait(&mut unused).await;
    }
}

async fn count(database: &Database) -> DbResult<i64> {
    let select = "SELECT count FROM session_ends";
    let select = Statement::from_string(DatabaseBackend::Sqlite, select);
    let row = database.reads.query_one_once(&select).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("session_ends has no row".to_owned()))?;
    row.try_get("", "count")
}

/// Listens to PostgreSQL, and reconnects when the connection is lost.
async fn listen_with_reconnects(
    database: &Database,
    address: &str,
    heartbeat: &Heartbeat,
    on_end: impl Fn(SessionEnd) + Send + Sync,
) {
    let mut pause = RECONNECT_BACKOFF.0;
    loop {
        let before = heartbeat.arrived.load(Ordering::Acquire);
        let Err(error) = listen(database, address, heartbeat, &on_end).await;
        if heartbeat.arrived.load(Ordering::Acquire) != before {
            pause = RECONNECT_BACKOFF.0;
        }
        heartbeat.stop();
        if pause == RECONNECT_BACKOFF.0 {
            tracing::warn!(
                %error,
                "the connection for announcements of ended sessions is lost, so each request reads its session from the database. \
                 If this lasts and DATABASE_URL leads to a pooler, set CUBBY_DIRECT_DATABASE_URL"
            );
        } else {
            tracing::debug!(%error, "the connection for announcements of ended sessions is still lost");
        }
        tokio::time::sleep(pause).await;
        pause = RECONNECT_BACKOFF.1.min(pause * 2);
    }
}

async fn listen(
    database: &Database,
    address: &str,
    heartbeat: &Heartbeat,
    on_end: &(impl Fn(SessionEnd) + Send + Sync),
) -> DbResult<Infallible> {
    let name = random_name("cubby_listener")?;
    let options = postgresql_options(address)?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(HEARTBEAT_TIMEOUT)
        .test_before_acquire(false)
        .connect_with(options.clone().application_name(&name))
        .await
        .map_err(connection_error)?;
    reject_pooler(&options, &name).await?;
    let mut listener = PgListener::connect_with(&pool)
        .await
        .map_err(connection_error)?;
    // Announcements during an automatic reconnection would be lost unnoticed.
    listener.eager_reconnect(false);
    let heartbeats = random_name("cubby_heartbeats")?;
    let channels = [CHANNEL, heartbeats.as_str()];
    listener
        .listen_all(channels)
        .await
        .map_err(connection_error)?;
    on_end(SessionEnd::Unknown);
    tokio::select! {
        ended = receive(&mut listener, heartbeat, on_end) => ended,
        ended = send_heartbeats(database, &heartbeats, heartbeat) => ended,
    }
}

/// Fails if the address leads to a pooler. A pooler would lend the listening connection to other
/// clients, which would receive notifications unexpectedly and fail; so this check runs before
/// `LISTEN`. A connection with this application name is open and idle: PostgreSQL lists it unless
/// the connection ends at a pooler.
async fn reject_pooler(options: &PgConnectOptions, name: &str) -> DbResult<()> {
    let mut other = PgConnection::connect_with(options)
        .await
        .map_err(connection_error)?;
    let known = sqlx::query("SELECT 1 FROM pg_stat_activity WHERE application_name = $1")
        .bind(name)
        .persistent(false)
        .fetch_optional(&mut other)
        .await
        .map_err(connection_error)?;
    let _ = other.close().await;
    known.map(drop).ok_or_else(|| {
        DbErr::Custom("the address leads to a pooler, or its user cannot see its own sessions in pg_stat_activity".to_owned())
    })
}

/// Receives notifications in order, so that announcements sent before a heartbeat are handled
/// before the heartbeat counts.
async fn receive(
    listener: &mut PgListener,
    heartbeat: &Heartbeat,
    on_end: &(impl Fn(SessionEnd) + Send + Sync),
) -> DbResult<Infallible> {
    // The sending time of the last heartbeat, by this process's clock and by the database's.
    let mut last_heartbeat: Option<(u64, u64)> = None;
    while let Some(notification) = listener.try_recv().await.map_err(connection_error)? {
        let Some((first, millis)) = notification.payload().split_once(' ') else {
            continue;
        };
        let Ok(millis) = millis.parse::<u64>() else {
            continue;
        };
        if notification.channel() == CHANNEL {
            let Ok(user_id) = UserId::from_uuid(first) else {
                continue;
            };
            let age = last_heartbeat.map(|(sent, at)| {
                let now = Duration::from_millis(at) + heartbeat.since(sent);
                now.saturating_sub(Duration::from_millis(millis))
            });
            on_end(SessionEnd::User(user_id, age));
        } else if let Ok(sent) = first.parse() {
            last_heartbeat = Some((sent, millis));
            heartbeat.on_heartbeat(sent);
        }
    }
    Err(DbErr::Custom(
        "the connection for announcements was closed".to_owned(),
    ))
}

/// Sends heartbeats on the connections of requests, and fails if no heartbeat is received for five
/// seconds.
async fn send_heartbeats(
    database: &Database,
    channel: &str,
    heartbeat: &Heartbeat,
) -> DbResult<Infallible> {
    let (mut unused, mut begun) = (0, heartbeat.now());
    loop {
        let sent = heartbeat.now();
        let statement = Statement::from_sql_and_values(
            DatabaseBackend::Postgres,
            "SELECT pg_notify($1, $2 || ' ' || (extract(epoch FROM now()) * 1000)::bigint)",
            [channel.into(), sent.to_string().into()],
        );
        match tokio::time::timeout(HEARTBEAT_TTL, database.reads.query_one_once(&statement)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a heartbeat was not sent"),
            Err(_) => tracing::debug!("a heartbeat was not sent in time"),
        }
        heartbeat.wait(&mut unused).await;
        if heartbeat.since(sent) > HEARTBEAT_TIMEOUT {
            // Heartbeats were paused.
            begun = heartbeat.now();
        }
        let arrived = heartbeat.arrived.load(Ordering::Acquire).max(begun);
        if heartbeat.since(arrived) > HEARTBEAT_TIMEOUT {
            return Err(DbErr::Custom(format!(
                "no heartbeat was received for {} seconds",
                HEARTBEAT_TIMEOUT.as_secs()
            )));
        }
    }
}
