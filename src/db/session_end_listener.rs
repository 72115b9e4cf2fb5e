//! The line through which a process hears that sessions have ended, whichever process ended them.
//!
//! The transaction that ends a session announces it. On PostgreSQL it notifies a connection that listens; on
//! SQLite it counts, and the count is read. A line that is dead says nothing either, so it is only
//! believed while it beats: a beat is sent by another connection and must come back by the line,
//! after everything that was announced before it.

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
use uuid::Uuid;

use super::{
    Database, DbResult, connect::postgresql_options, failure::connection_error, random_name,
};
use crate::{config::DatabaseUrl, id::UserId};

/// How long a beat lets the line be believed, counted from when it was sent.
const TRUST: Duration = Duration::from_millis(500);

/// How long after a beat the next one is sent.
const BEAT: Duration = Duration::from_millis(200);

/// After how many beats that nobody needed they stop, until somebody does: an idle process leaves the
/// database alone.
const UNUSED: u32 = 50;

/// How long a line that has fallen silent is waited for before another is opened.
const SILENCE: Duration = Duration::from_secs(5);

/// How long to wait before another line is opened, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// The channel that ends of sessions are announced on.
const CHANNEL: &str = "cubby_session_ends";

/// Announces that sessions of the user may have ended, as part of the transaction that ends them. The time is the
/// transaction's, so that PostgreSQL delivers equal announcements of one transaction once.
pub(super) fn announcement(backend: DatabaseBackend, user_id: UserId) -> Statement {
    match backend {
        DatabaseBackend::Postgres => Statement::from_sql_and_values(
            backend,
            "SELECT pg_notify($1, $2 || ' ' || (extract(epoch FROM now()) * 1000)::bigint)",
            [CHANNEL.into(), Uuid::from(user_id).to_string().into()],
        ),
        _ => Statement::from_string(backend, "UPDATE session_ends SET count = count + 1"),
    }
}

/// What the line says.
pub(crate) enum Heard {
    /// Sessions of this person's have ended, so long ago as far as that is known.
    EndOf(UserId, Option<Duration>),
    /// Anybody's may have: something was missed, or is not told in detail.
    EndOfAnybody,
}

/// A line that is listened to for as long as this is held.
pub(crate) struct Line {
    pulse: Arc<Pulse>,
    _listening: AbortOnDropHandle<()>,
}

/// Until when everything that was announced has been heard.
struct Pulse {
    began: Instant,
    /// When the last beat that came back was sent, in microseconds by [`now`](Self::now).
    heard: AtomicU64,
    is_used: AtomicBool,
    wanted: Notify,
}

impl Line {
    /// Opens the line to the database, and calls `hear` for all that comes by it.
    pub(crate) fn open(database: Database, hear: impl Fn(Heard) + Send + Sync + 'static) -> Self {
        let pulse = Arc::new(Pulse {
            began: Instant::now(),
            heard: AtomicU64::new(0),
            is_used: AtomicBool::new(true),
            wanted: Notify::new(),
        });
        let of_task = Arc::clone(&pulse);
        let listening = tokio::spawn(async move {
            match &database.direct {
                DatabaseUrl::Sqlite(_) => watch_count(&database, &of_task, hear).await,
                DatabaseUrl::Postgres(address) => {
                    keep_listening(&database, address, &of_task, hear).await;
                }
            }
        });
        Self {
            pulse,
            _listening: AbortOnDropHandle::new(listening),
        }
    }

    /// Whether every end has been heard of that is older than half a second.
    pub(crate) fn is_alive(&self) -> bool {
        self.pulse.is_used.store(true, Ordering::Relaxed);
        let is_alive = self.pulse.since_heard() < TRUST;
        if !is_alive {
            self.pulse.wanted.notify_one();
        }
        is_alive
    }

    /// For how long the line has not been believed; not at all while it is alive.
    pub(crate) fn lapsed(&self) -> Duration {
        self.pulse.since_heard().saturating_sub(TRUST)
    }
}

impl Pulse {
    /// It begins late enough for a beat at 0 to be believed no more.
    fn now(&self) -> u64 {
        micros(self.began.elapsed() + TRUST)
    }

    fn since(&self, then: u64) -> Duration {
        Duration::from_micros(self.now().saturating_sub(then))
    }

    fn since_heard(&self) -> Duration {
        self.since(self.heard.load(Ordering::Acquire))
    }

    fn beat(&self, sent: u64) {
        self.heard.store(sent, Ordering::Release);
    }

    /// The line is believed no more, from now on.
    fn stop(&self) {
        let lapsed = self.now().saturating_sub(micros(TRUST));
        self.heard.fetch_min(lapsed, Ordering::AcqRel);
    }

    /// Waits until the next beat is due: for a while, or until somebody needs one.
    async fn rest(&self, unused: &mut u32) {
        tokio::time::sleep(BEAT).await;
        if self.is_used.swap(false, Ordering::Relaxed) {
            *unused = 0;
        } else {
            *unused += 1;
        }
        if *unused > UNUSED {
            self.wanted.notified().await;
            *unused = 0;
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Reads SQLite's count again and again.
async fn watch_count(database: &Database, pulse: &Pulse, hear: impl Fn(Heard)) {
    let (mut known, mut unused) = (None, 0);
    loop {
        let sent = pulse.now();
        match count(database).await {
            Ok(count) => {
                if known.replace(count) != Some(count) {
                    hear(Heard::EndOfAnybody);
                }
                pulse.beat(sent);
            }
            Err(error) => {
                tracing::debug!(%error, "the ends of sessions cannot be counted");
                pulse.stop();
            }
        }
        pulse.rest(&mut unused).await;
    }
}

async fn count(database: &Database) -> DbResult<i64> {
    let select = "SELECT count FROM session_ends";
    let select = Statement::from_string(DatabaseBackend::Sqlite, select);
    let row = database.reads.query_one_once(&select).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("session_ends has no row".to_owned()))?;
    row.try_get("", "count")
}

/// Listens to PostgreSQL, and opens another line when one is lost.
async fn keep_listening(
    database: &Database,
    address: &str,
    pulse: &Pulse,
    hear: impl Fn(Heard) + Send + Sync,
) {
    let mut pause = PAUSES.0;
    loop {
        let before = pulse.heard.load(Ordering::Acquire);
        let Err(error) = listen(database, address, pulse, &hear).await;
        if pulse.heard.load(Ordering::Acquire) != before {
            pause = PAUSES.0;
        }
        pulse.stop();
        if pause == PAUSES.0 {
            tracing::warn!(
                %error,
                "what the database announces does not come through, so it is asked for each session. \
                 Should this last: where DATABASE_URL passes a pooler, set CUBBY_DIRECT_DATABASE_URL"
            );
        } else {
            tracing::debug!(%error, "still nothing that the database announces comes through");
        }
        tokio::time::sleep(pause).await;
        pause = PAUSES.1.min(pause * 2);
    }
}

async fn listen(
    database: &Database,
    address: &str,
    pulse: &Pulse,
    hear: &(impl Fn(Heard) + Send + Sync),
) -> DbResult<Infallible> {
    let name = random_name("cubby_line")?;
    let options = postgresql_options(address)?;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(SILENCE)
        .test_before_acquire(false)
        .connect_with(options.clone().application_name(&name))
        .await
        .map_err(connection_error)?;
    expect_direct(&options, &name).await?;
    let mut listener = PgListener::connect_with(&pool)
        .await
        .map_err(connection_error)?;
    // What was announced in between would be lost without a word.
    listener.eager_reconnect(false);
    let beats = random_name("cubby_beats")?;
    let channels = [CHANNEL, beats.as_str()];
    listener
        .listen_all(channels)
        .await
        .map_err(connection_error)?;
    hear(Heard::EndOfAnybody);
    tokio::select! {
        ended = take_in(&mut listener, pulse, hear) => ended,
        ended = beat(database, &beats, pulse) => ended,
    }
}

/// Refuses an address that passes a pooler. A connection there is lent to others, who would hear what they
/// did not ask for, and fail; so this is found out before anything is said by it. A connection of this
/// name has been opened and has said nothing: PostgreSQL knows of it all the same, unless it is a pooler's.
async fn expect_direct(options: &PgConnectOptions, name: &str) -> DbResult<()> {
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
        DbErr::Custom("the address passes a pooler, or its user may not see itself".to_owned())
    })
}

/// Hands on what comes by the line, in order: what was announced before a beat is heard before it counts.
async fn take_in(
    listener: &mut PgListener,
    pulse: &Pulse,
    hear: &(impl Fn(Heard) + Send + Sync),
) -> DbResult<Infallible> {
    // The database's time at the last beat, by which its other times are told.
    let mut beaten: Option<(u64, u64)> = None;
    while let Some(notification) = listener.try_recv().await.map_err(connection_error)? {
        let Some((first, millis)) = notification.payload().split_once(' ') else {
            continue;
        };
        let Ok(millis) = millis.parse::<u64>() else {
            continue;
        };
        if notification.channel() == CHANNEL {
            // Somebody's who knows no more of it than we do.
            let Ok(user_id) = UserId::from_uuid(first) else {
                continue;
            };
            let age = beaten.map(|(sent, at)| {
                let now = Duration::from_millis(at) + pulse.since(sent);
                now.saturating_sub(Duration::from_millis(millis))
            });
            hear(Heard::EndOf(user_id, age));
        } else if let Ok(sent) = first.parse() {
            beaten = Some((sent, millis));
            pulse.beat(sent);
        }
    }
    Err(DbErr::Custom("the connection has ended".to_owned()))
}

/// Sends beats by the connections that requests use, until none comes back.
async fn beat(database: &Database, channel: &str, pulse: &Pulse) -> DbResult<Infallible> {
    let (mut unused, mut begun) = (0, pulse.now());
    loop {
        let sent = pulse.now();
        let statement = Statement::from_sql_and_values(
            DatabaseBackend::Postgres,
            "SELECT pg_notify($1, $2 || ' ' || (extract(epoch FROM now()) * 1000)::bigint)",
            [channel.into(), sent.to_string().into()],
        );
        match tokio::time::timeout(TRUST, database.reads.query_one_once(&statement)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a beat was not sent"),
            Err(_) => tracing::debug!("a beat was not sent in time"),
        }
        pulse.rest(&mut unused).await;
        if pulse.since(sent) > SILENCE {
            // There was nobody to beat for.
            begun = pulse.now();
        }
        let heard = pulse.heard.load(Ordering::Acquire).max(begun);
        if pulse.since(heard) > SILENCE {
            return Err(DbErr::Custom(format!(
                "no beat has come back for {} seconds",
                SILENCE.as_secs()
            )));
        }
    }
}
