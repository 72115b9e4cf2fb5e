//! The database: opening it, waiting for it, migrating it, and where the two kinds differ.

#![expect(
    clippy::disallowed_types,
    reason = "this file holds the connection; it hands it to the viewer and to `auth::unscoped`"
)]

mod line;
mod opening;
mod readers;

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use migration::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    DbErr, ExecResult, QueryResult, RuntimeErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

pub(crate) use line::{Heard, Line};

use opening::Pools;
use readers::Readers;

use crate::{
    clock::Timestamp,
    config::DatabaseUrl,
    error::{Error, Result},
    private,
};

type DbResult<T> = std::result::Result<T, DbErr>;

/// How long a request waits for a database that is starting, restarting or busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Any number that is ours alone: it names the lock under which PostgreSQL is migrated.
const MIGRATION_LOCK: i64 = 0x6375_6262_7921;

/// The database, and on SQLite the turn to write to it.
///
/// Clippy bans `open`, `reads` and `begin` everywhere but where the viewer is made: whoever merely
/// holds a `Database` can run nothing on it.
#[derive(Clone)]
pub struct Database {
    reads: Reads,
    /// On SQLite a connection of its own, so that nobody who reads waits for who writes.
    writes: DatabaseConnection,
    /// Its address past a pooler.
    direct: DatabaseUrl,
    /// SQLite has one writer at a time. Those of this process queue here, in order, rather than in
    /// SQLite's busy handler, which sleeps and guesses.
    writer: Option<Arc<Semaphore>>,
}

impl Database {
    /// Opens the database, waiting up to ten seconds for one that is not up yet.
    ///
    /// # Errors
    /// When it cannot be reached, or does not let us in, or its encoding is not UTF-8.
    pub async fn open(url: &DatabaseUrl, connections: u32) -> DbResult<Self> {
        Self::over(opening::open(url, connections).await?, url).await
    }

    /// Opens the database to examine it: leaves a SQLite file, and those beside it, as they are.
    ///
    /// # Errors
    /// When it cannot be opened, or there is none.
    pub(crate) async fn examine(url: &DatabaseUrl) -> DbResult<Self> {
        Self::over(opening::examine(url).await?, url).await
    }

    async fn over(pools: Pools, url: &DatabaseUrl) -> DbResult<Self> {
        let database = Self {
            reads: Reads(pools.reads),
            writes: pools.writes,
            direct: url.clone(),
            writer: matches!(url, DatabaseUrl::Sqlite(_)).then(|| Arc::new(Semaphore::new(1))),
        };
        database.check_encoding().await?;
        Ok(database)
    }

    /// Refuses a PostgreSQL database that cannot store every text.
    async fn check_encoding(&self) -> DbResult<()> {
        let backend = self.reads.get_database_backend();
        if backend != DatabaseBackend::Postgres {
            return Ok(());
        }
        let encoding = "SELECT current_setting('server_encoding')";
        let encoding = Statement::from_string(backend, encoding);
        let row = self.reads.query_one_raw(encoding).await?;
        let encoding: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?;
        match encoding.as_deref() {
            Some("UTF8") | None => Ok(()),
            Some(encoding) => Err(DbErr::Custom(format!(
                "its encoding is {encoding}, which cannot store every text, and must be UTF8: create a \
                 database WITH ENCODING 'UTF8' TEMPLATE template0, and set DATABASE_URL to it"
            ))),
        }
    }

    /// The same, with an address that passes no pooler for what cannot pass one.
    #[must_use]
    pub fn with_direct(self, direct: DatabaseUrl) -> Self {
        Self { direct, ..self }
    }

    /// Runs every migration that has not run, in one transaction and under a lock, so that two
    /// instances that start at once do it once.
    ///
    /// # Errors
    /// When a migration fails; nothing is changed then.
    pub async fn migrate_up(&self) -> DbResult<()> {
        let transaction = self.begin_migrating().await?;
        Migrator::up(&transaction, None).await?;
        transaction.commit().await
    }

    /// Takes back the last `steps` migrations, and the data that they hold.
    ///
    /// # Errors
    /// When one cannot be taken back; nothing is changed then.
    pub async fn migrate_down(&self, steps: u32) -> DbResult<()> {
        let transaction = self.begin_migrating().await?;
        Migrator::down(&transaction, Some(steps)).await?;
        transaction.commit().await
    }

    /// Each migration's name, and whether it has run. Changes nothing.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn migrations(&self) -> DbResult<Vec<(String, bool)>> {
        let migrations = Migrator::get_migration_with_status_read_only(&self.reads).await?;
        Ok(migrations
            .iter()
            .map(|migration| {
                (
                    migration.name().to_owned(),
                    migration.status() == MigrationStatus::Applied,
                )
            })
            .collect())
    }

    async fn begin_migrating(&self) -> DbResult<DatabaseTransaction> {
        let transaction = self.writes.begin_with_options(immediate()).await?;
        if transaction.get_database_backend() == DatabaseBackend::Postgres {
            // Held until the transaction ends: a session's lock would outlive it behind a pooler.
            transaction
                .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                .await?;
        }
        Ok(transaction)
    }

    /// Whether the database answers.
    pub(crate) async fn is_ready(&self) -> bool {
        self.reads.0.ping().await.is_ok()
    }

    /// Closes every connection, once those in use have been given back.
    pub async fn close(&self) {
        // On SQLite the last one to close clears up, and must be able to write.
        for closed in [self.reads.0.close().await, self.writes.close_by_ref().await] {
            if let Err(error) = closed {
                tracing::warn!(%error, "the database did not close cleanly");
            }
        }
    }

    /// Does after much was stored what PostgreSQL would do by itself some minutes later: until then it
    /// reads more than it needs to. SQLite has nothing to do.
    pub(crate) async fn settle(&self) -> DbResult<()> {
        if self.writes.get_database_backend() == DatabaseBackend::Postgres {
            self.writes.execute_unprepared("VACUUM (ANALYZE)").await?;
        }
        Ok(())
    }

    /// What time it is in the database, where it has a clock of its own.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) async fn time(&self) -> DbResult<Option<Timestamp>> {
        let backend = self.writes.get_database_backend();
        if backend != DatabaseBackend::Postgres {
            return Ok(None);
        }
        let time = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        let time = Statement::from_string(backend, time);
        let row = self.reads.query_one_raw(time).await?;
        row.map(|row| row.try_get_by_index(0)).transpose()
    }

    /// The file of a SQLite database that is not there.
    ///
    /// # Errors
    /// When its address cannot be read.
    pub(crate) fn missing_file(url: &DatabaseUrl) -> DbResult<Option<PathBuf>> {
        let file = opening::file_of(url)?;
        Ok(file.filter(|file| !file.exists()))
    }

    /// Writes a copy of a SQLite database as it is at one moment into a file for its owner alone, while
    /// others go on with it.
    pub(crate) async fn copy_into(&self, file: &Path) -> std::result::Result<(), String> {
        let failed = |error: io::Error| format!("{} cannot be written: {error}", file.display());
        let beside = |what: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(what);
            PathBuf::from(name)
        };
        // SQLite would take these for its own.
        let mut others = ["-journal", "-wal", "-shm"].map(beside).into_iter();
        if let Some(other) = others.find(|other| other.exists()) {
            return Err(format!("{} is in the way", other.display()));
        }
        // SQLite writes into an empty file, and makes none that others may not read.
        drop(private::make_file(file).map_err(failed)?);
        let name = file.to_string_lossy().replace('\'', "''");
        let statement = format!("VACUUM INTO '{name}'");
        if let Err(error) = self.writes.execute_unprepared(&statement).await {
            private::remove_file(file).map_err(failed)?;
            // It may be there, or not.
            let _ = private::remove_file(&beside("-journal"));
            return Err(error.to_string());
        }
        private::keep_file(file).map_err(failed)
    }

    /// What runs queries of anybody's rows.
    pub(crate) fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Begins a transaction that will write. What reads first and writes later must say so at the
    /// start: SQLite answers the later write with a busy error that no timeout cures.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        let beginning = async {
            let turn = match &self.writer {
                None => None,
                Some(writer) => {
                    let turn = Arc::clone(writer).acquire_owned().await;
                    Some(turn.map_err(Error::internal)?)
                }
            };
            let transaction = patiently(|| self.writes.begin_with_options(immediate())).await?;
            Ok(Transaction {
                transaction,
                _turn: turn,
            })
        };
        tokio::time::timeout(PATIENCE, beginning)
            .await
            .map_err(|_| Error::Unavailable)?
    }
}

/// Runs queries that change nothing, each sent again while the database is away. What writes takes
/// a transaction.
#[derive(Clone)]
pub(crate) struct Reads(Source);

/// What they are run on.
#[derive(Clone)]
enum Source {
    Sqlite(Arc<Readers>),
    Postgresql(DatabaseConnection),
}

impl Source {
    async fn query_one(&self, statement: &Statement) -> DbResult<Option<QueryResult>> {
        match self {
            Self::Sqlite(readers) => readers.query_one(statement).await,
            Self::Postgresql(pool) => pool.query_one_raw(statement.clone()).await,
        }
    }

    async fn query_all(&self, statement: &Statement) -> DbResult<Vec<QueryResult>> {
        match self {
            Self::Sqlite(readers) => readers.query_all(statement).await,
            Self::Postgresql(pool) => pool.query_all_raw(statement.clone()).await,
        }
    }

    async fn ping(&self) -> DbResult<()> {
        match self {
            Self::Sqlite(readers) => readers.ping().await,
            Self::Postgresql(pool) => pool.ping().await,
        }
    }

    async fn close(&self) -> DbResult<()> {
        match self {
            Self::Sqlite(readers) => readers.close().await,
            Self::Postgresql(pool) => pool.close_by_ref().await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Reads {
    fn get_database_backend(&self) -> DatabaseBackend {
        match &self.0 {
            Source::Sqlite(_) => DatabaseBackend::Sqlite,
            Source::Postgresql(_) => DatabaseBackend::Postgres,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> DbResult<Option<QueryResult>> {
        tracing::trace!(sql = statement.sql, "reads");
        patiently(|| self.0.query_one(&statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> DbResult<Vec<QueryResult>> {
        tracing::trace!(sql = statement.sql, "reads");
        patiently(|| self.0.query_all(&statement)).await
    }

    async fn execute_raw(&self, _: Statement) -> DbResult<ExecResult> {
        Err(needs_transaction())
    }

    async fn execute_unprepared(&self, _: &str) -> DbResult<ExecResult> {
        Err(needs_transaction())
    }
}

fn needs_transaction() -> DbErr {
    DbErr::Custom("what writes runs in a transaction".to_owned())
}

/// A transaction that may write. Dropped without [`Transaction::commit`], it is rolled back.
pub(crate) struct Transaction {
    transaction: DatabaseTransaction,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Transaction {
    /// The transaction, once nobody runs anything in it any more.
    pub(crate) fn alone(shared: Arc<Self>) -> Result<Self> {
        Arc::into_inner(shared).ok_or_else(|| {
            Error::internal(DbErr::Custom(
                "a viewer outlived its transaction".to_owned(),
            ))
        })
    }

    pub(crate) async fn commit(self) -> Result<()> {
        Ok(self.transaction.commit().await?)
    }

    /// Takes everything back. A database that cannot be told has taken it back already.
    pub(crate) async fn roll_back(self) {
        if let Err(error) = self.transaction.rollback().await {
            tracing::debug!(%error, "a transaction ended with its connection");
        }
    }
}

/// Each query is sent once: what came before it in the transaction would be gone.
#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.transaction.get_database_backend()
    }

    async fn query_one_raw(&self, statement: Statement) -> DbResult<Option<QueryResult>> {
        self.transaction.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> DbResult<Vec<QueryResult>> {
        self.transaction.query_all_raw(statement).await
    }

    async fn execute_raw(&self, statement: Statement) -> DbResult<ExecResult> {
        self.transaction.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> DbResult<ExecResult> {
        self.transaction.execute_unprepared(sql).await
    }
}

fn immediate() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// Tries again while the database is away, for ten seconds in all.
async fn patiently<T, F>(attempt: impl Fn() -> F) -> DbResult<T>
where
    F: Future<Output = DbResult<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match tokio::time::timeout_at(deadline, attempt()).await {
            Err(_) => return Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
            Ok(Err(error)) if is_unavailable(&error) && Instant::now() + PAUSE < deadline => {
                tracing::debug!(%error, "the database is away; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            Ok(result) => return result,
        }
    }
}

/// Whether the error is the database's absence rather than an answer of its.
fn is_unavailable(error: &DbErr) -> bool {
    let cause = match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed) => {
            return true;
        }
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => cause,
        _ => return false,
    };
    match cause.as_ref() {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(answer) => answer.code().is_some_and(|code| {
            if code.len() == 5 {
                // PostgreSQL: connection exceptions, shutting down, starting up, out of disk,
                // memory or connections, the loser of a deadlock.
                ["08", "53"].iter().any(|class| code.starts_with(class))
                    || ["57P01", "57P02", "57P03", "40P01"].contains(&code.as_ref())
            } else {
                // SQLite: busy, locked, input and output, a full disk, with their extended codes.
                code.parse::<i32>()
                    .is_ok_and(|code| [5, 6, 10, 13].contains(&(code & 0xff)))
            }
        }),
        _ => false,
    }
}

fn of_driver(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if is_unavailable(&error) {
            tracing::warn!(%error, "the database cannot be reached");
            Self::Unavailable
        } else {
            Self::internal(error)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "they are what is tested")]

    use super::*;

    async fn run(database: &Database, sql: &str) -> Result<()> {
        let transaction = database.begin().await?;
        match transaction.execute_unprepared(sql).await {
            Ok(_) => transaction.commit().await,
            Err(error) => {
                transaction.roll_back().await;
                Err(error.into())
            }
        }
    }

    /// What SQLite does when the disk is full, and here because it is told to.
    #[tokio::test]
    async fn what_is_acknowledged_after_sqlite_took_a_transaction_back_is_stored() {
        let directory = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", directory.path().join("it").display());
        let url: DatabaseUrl = address.parse().unwrap();
        let database = Database::open(&url, 1).await.unwrap();
        let table = "CREATE TABLE notes (note INTEGER PRIMARY KEY)";
        run(&database, table).await.unwrap();
        run(&database, "INSERT INTO notes VALUES (1)")
            .await
            .unwrap();
        for insert in [
            "INSERT OR ROLLBACK INTO notes VALUES (1)",
            "INSERT INTO notes VALUES (1)",
        ] {
            run(&database, insert).await.unwrap_err();
        }
        run(&database, "INSERT INTO notes VALUES (2)")
            .await
            .unwrap();

        let another = Database::open(&url, 1).await.unwrap();
        assert_eq!(count(&another).await.unwrap(), 2);
        run(&another, "INSERT INTO notes VALUES (3)").await.unwrap();
    }

    async fn count(database: &Database) -> DbResult<i64> {
        let count = Statement::from_string(DatabaseBackend::Sqlite, "SELECT count(*) FROM notes");
        let row = database.reads().query_one_raw(count).await?;
        row.unwrap().try_get_by_index(0)
    }

    #[tokio::test]
    async fn what_reads_from_sqlite_waits_for_no_writer_cannot_write_and_may_be_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", directory.path().join("it").display());
        let database = Database::open(&address.parse().unwrap(), 1).await.unwrap();
        run(&database, "CREATE TABLE notes (note INTEGER PRIMARY KEY)")
            .await
            .unwrap();

        let writing = database.begin().await.unwrap();
        let insert = "INSERT INTO notes VALUES (1)";
        writing.execute_unprepared(insert).await.unwrap();
        assert_eq!(count(&database).await.unwrap(), 0);
        writing.commit().await.unwrap();
        assert_eq!(count(&database).await.unwrap(), 1);

        let insert = "INSERT INTO notes VALUES (2) RETURNING note";
        let insert = Statement::from_string(DatabaseBackend::Sqlite, insert);
        let refused = database.reads().query_one_raw(insert).await.unwrap_err();
        assert!(refused.to_string().contains("readonly"), "{refused}");

        // It has many rows, and is given up while they come.
        let many =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
        let many = Statement::from_string(DatabaseBackend::Sqlite, many);
        let given_up = tokio::time::timeout(PAUSE, database.reads().query_all_raw(many)).await;
        assert!(given_up.is_err());
        assert_eq!(count(&database).await.unwrap(), 1);

        database.close().await;
        let closed = count(&database);
        assert!(tokio::time::timeout(PAUSE, closed).await.is_err());
        // The log is part of the file again.
        assert!(!directory.path().join("it-wal").exists());
    }
}
