//! Runs SeaORM statements on one connection to SQLite or PostgreSQL.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor, PgConnection, Postgres, Sqlite, SqliteConnection,
    postgres::PgConnectOptions, query::Query, sqlite::SqliteConnectOptions,
};

use super::{
    failure::{DbResult, connection_error},
    pooler::{self, Route},
    timeouts::STATEMENT_TIMEOUT,
};

/// The number of SQLite virtual machine instructions between two checks of the interrupt flag: a
/// fraction of a millisecond.
const PROGRESS_INTERVAL: i32 = 1_000;

/// The maximum idle time of an open PostgreSQL transaction; the server then rolls it back. It frees
/// the locks of a client that has disappeared.
const IDLE_IN_TRANSACTION_TIMEOUT_MILLIS: u128 = 60_000;

/// The driver's options for new connections.
#[derive(Clone)]
pub(super) enum Options {
    Sqlite(SqliteConnectOptions),
    Postgresql(PgConnectOptions),
}

/// An open connection.
pub(super) enum Connection {
    Sqlite {
        driver: SqliteConnection,
        /// Set to end the running statement.
        interrupt: Arc<AtomicBool>,
    },
    Postgresql {
        driver: PgConnection,
        route: Route,
    },
}

impl Connection {
    pub(super) async fn open_sqlite(options: &SqliteConnectOptions) -> DbResult<Self> {
        let mut driver = SqliteConnection::connect_with(options)
            .await
            .map_err(connection_error)?;
        let interrupt = Arc::new(AtomicBool::new(false));
        let is_interrupted = Arc::clone(&interrupt);
        driver
            .lock_handle()
            .await
            .map_err(connection_error)?
            .set_progress_handler(PROGRESS_INTERVAL, move || {
                !is_interrupted.load(Ordering::Relaxed)
            });
        Ok(Self::Sqlite { driver, interrupt })
    }

    pub(super) async fn open_postgresql(
        options: &PgConnectOptions,
        route: Route,
    ) -> DbResult<Self> {
        let mut driver = PgConnection::connect_with(options)
            .await
            .map_err(connection_error)?;
        if route == Route::Direct {
            let bounds = format!(
                "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
                STATEMENT_TIMEOUT.as_millis(),
                IDLE_IN_TRANSACTION_TIMEOUT_MILLIS,
            );
            driver
                .execute(AssertSqlSafe(bounds))
                .await
                .map_err(connection_error)?;
            // Ends a statement within a second after its client has closed the connection. Not
            // supported before PostgreSQL 14 and on some operating systems.
            let check = driver
                .execute("SET client_connection_check_interval = 1000")
                .await;
            if let Err(error) = check
                && error.as_database_error().is_none()
            {
                return Err(connection_error(error));
            }
        }
        Ok(Self::Postgresql { driver, route })
    }

    pub(super) async fn query_one(
        &mut self,
        statement: &Statement,
    ) -> DbResult<Option<QueryResult>> {
        match self {
            Self::Sqlite { driver, .. } => {
                let row = sqlite(statement).fetch_optional(driver).await;
                row.map(|row| row.map(QueryResult::from))
            }
            Self::Postgresql { driver, .. } => {
                let row = postgresql(statement).fetch_optional(driver).await;
                row.map(|row| row.map(QueryResult::from))
            }
        }
        .map_err(query_error)
    }

    pub(super) async fn query_all(&mut self, statement: &Statement) -> DbResult<Vec<QueryResult>> {
        match self {
            Self::Sqlite { driver, .. } => {
                let rows = sqlite(statement).fetch_all(driver).await;
                rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
            }
            Self::Postgresql { driver, .. } => {
                let rows = postgresql(statement).fetch_all(driver).await;
                rows.map(|rows| rows.into_iter().map(QueryResult::from).collect())
            }
        }
        .map_err(query_error)
    }

    pub(super) async fn execute(&mut self, statement: &Statement) -> DbResult<ExecResult> {
        match self {
            Self::Sqlite { driver, .. } => {
                let done = sqlite(statement).execute(driver).await;
                done.map(ExecResult::from)
            }
            Self::Postgresql { driver, .. } => {
                let done = postgresql(statement).execute(driver).await;
                done.map(ExecResult::from)
            }
        }
        .map_err(exec_error)
    }

    /// Runs SQL without parameters, possibly several statements.
    pub(super) async fn execute_unprepared(&mut self, sql: &str) -> DbResult<ExecResult> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite { driver, .. } => driver.execute(sql).await.map(ExecResult::from),
            Self::Postgresql { driver, .. } => driver.execute(sql).await.map(ExecResult::from),
        }
        .map_err(exec_error)
    }

    /// Begins a transaction that will write. SQLite takes the write lock at once: a transaction
    /// that reads first and writes later can fail with a `SQLITE_BUSY` error that waiting does not
    /// cure.
    pub(super) async fn begin(&mut self) -> DbResult<ExecResult> {
        let begin = match self {
            Self::Sqlite { .. } => "BEGIN IMMEDIATE".to_owned(),
            Self::Postgresql { route, .. } => begin_with_timeouts(*route, "BEGIN"),
        };
        self.execute_unprepared(&begin).await
    }

    /// True if the server sets no time limit for a statement outside a transaction.
    pub(super) fn lacks_statement_timeout(&self) -> bool {
        matches!(
            self,
            Self::Postgresql {
                route: Route::Pooler { is_bounded: false },
                ..
            }
        )
    }

    /// Begins a transaction that only reads.
    pub(super) async fn begin_read_only(&mut self) -> DbResult<ExecResult> {
        let begin = match self {
            Self::Sqlite { .. } => "BEGIN".to_owned(),
            Self::Postgresql { route, .. } => begin_with_timeouts(*route, "BEGIN READ ONLY"),
        };
        self.execute_unprepared(&begin).await
    }

    pub(super) async fn ping(&mut self) -> DbResult<()> {
        match self {
            Self::Sqlite { driver, .. } => driver.ping().await,
            Self::Postgresql { driver, .. } => driver.ping().await,
        }
        .map_err(connection_error)
    }

    /// Ends the abandoned statement or transaction of a connection, so that the connection can be
    /// used again.
    pub(super) async fn recover(&mut self, in_transaction: bool) -> DbResult<()> {
        if let Self::Sqlite { driver, interrupt } = self {
            interrupt.store(true, Ordering::Relaxed);
            let at_rest = driver.ping().await;
            interrupt.store(false, Ordering::Relaxed);
            at_rest.map_err(connection_error)?;
        }
        if !in_transaction {
            return self.ping().await;
        }
        match self.execute_unprepared("ROLLBACK").await {
            // SQLite may already have rolled back on its own.
            Err(error) if matches!(self, Self::Postgresql { .. }) => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) async fn close(self) -> DbResult<()> {
        match self {
            Self::Sqlite { driver, .. } => driver.close().await,
            Self::Postgresql { driver, .. } => driver.close().await,
        }
        .map_err(connection_error)
    }
}

impl Options {
    pub(super) async fn connect(&self, route: Route) -> DbResult<Connection> {
        match self {
            Self::Sqlite(options) => Connection::open_sqlite(options).await,
            Self::Postgresql(options) => Connection::open_postgresql(options, route).await,
        }
    }

    /// Detects a pooler between this process and the database.
    ///
    /// # Errors
    /// Fails if a pooler mixes up prepared statements, or if the database cannot be reached.
    pub(super) async fn route(&self) -> DbResult<Route> {
        match self {
            Self::Sqlite(_) => Ok(Route::Direct),
            Self::Postgresql(options) => pooler::find_route(options).await,
        }
    }
}

/// Returns `begin`, with timeouts for this transaction if neither the connection nor the role sets
/// them. A pooler shares its server connections among clients, so the timeouts must end with the
/// transaction.
fn begin_with_timeouts(route: Route, begin: &str) -> String {
    match route {
        Route::Direct | Route::Pooler { is_bounded: true } => begin.to_owned(),
        Route::Pooler { is_bounded: false } => format!(
            "{begin}; SET LOCAL statement_timeout = {}; \
             SET LOCAL idle_in_transaction_session_timeout = {}",
            STATEMENT_TIMEOUT.as_millis(),
            IDLE_IN_TRANSACTION_TIMEOUT_MILLIS,
        ),
    }
}

/// Converts a statement for the driver. Each connection prepares a statement once.
fn sqlite(statement: &Statement) -> Query<'_, Sqlite, SqlxValues> {
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), values(statement))
}

fn postgresql(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), values(statement))
}

fn values(statement: &Statement) -> SqlxValues {
    let values = statement.values.clone();
    SqlxValues(values.unwrap_or_else(|| Values(Vec::new())))
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}
