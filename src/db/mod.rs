//! The database: opening it, waiting for it, migrating it, and where the two kinds differ.

mod connect;
mod connection;
mod failure;
mod pool;
mod pooler;
mod reads;
mod session_end_listener;
mod shares;
mod transaction;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use migration::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

pub(crate) use reads::Reads;
pub(crate) use session_end_listener::{Heard, Line};
pub(crate) use transaction::{End, Transaction};

use connect::Pools;
use pool::Pool;
use reads::retry_while_unavailable;
use shares::Shares;

use crate::{
    clock::Timestamp,
    config::DatabaseUrl,
    error::{Error, Result},
    id::UserId,
    private_file,
};

type DbResult<T> = std::result::Result<T, DbErr>;

/// How long a request waits for a database that is starting, restarting or busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one statement may take; then it is cancelled.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time of a readiness check.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long closing waits for the connections that are in use.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Any number that is ours alone: it names the lock under which PostgreSQL is migrated.
const MIGRATION_LOCK: i64 = 0x6375_6262_7921;

/// The database.
///
/// Clippy bans `open`, `reads` and `begin` everywhere but where the viewer is made: whoever merely
/// holds a `Database` can run nothing on it.
#[derive(Clone)]
pub struct Database {
    reads: Reads,
    writes: Pool,
    /// A turn to write. SQLite has one writer at a time; those of this process queue here, in order,
    /// rather than in SQLite's busy handler, which sleeps and guesses. On PostgreSQL a quarter of the
    /// connections is never written on, so that reads do not wait for writes that wait for a standby.
    turns: Arc<Semaphore>,
    shares: Arc<Shares>,
    url: DatabaseUrl,
    /// Its address past a pooler.
    direct: DatabaseUrl,
}

/// The state of the database, as a health check sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// It answers, and takes no writes: it is a standby.
    ReadOnly,
    Away,
}

impl Database {
    /// Opens the database, waiting up to ten seconds for one that is not up yet.
    ///
    /// # Errors
    /// When it cannot be reached, or does not let us in, or its encoding is not UTF-8, or a pooler
    /// before it mixes up statements.
    pub async fn open(url: &DatabaseUrl, connections: u32) -> DbResult<Self> {
        Self::over(connect::open(url, connections).await?, url, connections).await
    }

    /// Opens the database to examine it: leaves a SQLite file, and those beside it, as they are.
    ///
    /// # Errors
    /// When it cannot be opened, or there is none.
    pub(crate) async fn examine(url: &DatabaseUrl) -> DbResult<Self> {
        Self::over(connect::examine(url).await?, url, 1).await
    }

    async fn over(pools: Pools, url: &DatabaseUrl, connections: u32) -> DbResult<Self> {
        let (backend, turns) = match url {
            DatabaseUrl::Sqlite(_) => (DatabaseBackend::Sqlite, 1),
            DatabaseUrl::Postgres(_) => {
                let for_reads_alone = connections / 4;
                (DatabaseBackend::Postgres, connections - for_reads_alone)
            }
        };
        let database = Self {
            reads: Reads {
                backend,
                pool: pools.reads,
                share: None,
            },
            writes: pools.writes,
            turns: Arc::new(Semaphore::new(turns as usize)),
            shares: Arc::new(Shares::of(connections)),
            url: url.clone(),
            direct: url.clone(),
        };
        database.check_encoding().await?;
        Ok(database)
    }

    /// Refuses a PostgreSQL database that cannot store every text.
    async fn check_encoding(&self) -> DbResult<()> {
        let backend = self.reads.backend;
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

    /// The same, for one user's requests: together they have a share of the connections, and wait for
    /// each other when it is used up.
    pub(crate) fn shared_by(&self, user: UserId) -> Self {
        let mut database = self.clone();
        database.reads.share = Some(self.shares.of_user(user));
        database
    }

    /// Runs every migration that has not run, in one transaction and under a lock, so that two
    /// instances that start at once do it once.
    ///
    /// # Errors
    /// When a migration fails; nothing is changed then.
    pub async fn migrate_up(&self) -> DbResult<()> {
        let connection = connect::open_for_migrations(&self.url).await?;
        let transaction = begin_migrating(&connection).await?;
        Migrator::up(&transaction, None).await?;
        transaction.commit().await?;
        connection.close().await
    }

    /// Takes back the last `steps` migrations, and the data that they hold.
    ///
    /// # Errors
    /// When one cannot be taken back; nothing is changed then.
    pub async fn migrate_down(&self, steps: u32) -> DbResult<()> {
        let connection = connect::open_for_migrations(&self.url).await?;
        let transaction = begin_migrating(&connection).await?;
        Migrator::down(&transaction, Some(steps)).await?;
        transaction.commit().await?;
        connection.close().await
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

    /// Asks the database once, and at most for two seconds, whether it answers and takes writes.
    pub(crate) async fn readiness(&self) -> Readiness {
        match timeout(READY_TIMEOUT, self.reads.is_writable_once()).await {
            Ok(Ok(true)) => Readiness::Ready,
            Ok(Ok(false)) => Readiness::ReadOnly,
            Ok(Err(_)) | Err(_) => Readiness::Away,
        }
    }

    /// Closes every connection, once those in use have been given back, or after five seconds.
    pub async fn close(&self) {
        let closing = async {
            // On SQLite the last one to close clears up, and must be able to write.
            for pool in [&self.reads.pool, &self.writes] {
                if let Err(error) = pool.close().await {
                    tracing::warn!(%error, "the database did not close cleanly");
                }
            }
        };
        if timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("connections to the database that were still in use were cut off");
        }
    }

    /// Does after much was stored what PostgreSQL would do by itself some minutes later: until then it
    /// reads more than it needs to. SQLite has nothing to do.
    pub(crate) async fn settle(&self) -> DbResult<()> {
        if self.reads.backend == DatabaseBackend::Postgres {
            let mut connection = connect::open_unbounded(&self.url).await?;
            connection.execute_unprepared("VACUUM (ANALYZE)").await?;
            connection.close().await?;
        }
        Ok(())
    }

    /// What time it is in the database, where it has a clock of its own.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) async fn time(&self) -> DbResult<Option<Timestamp>> {
        let backend = self.reads.backend;
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
        let file = connect::file_of(url)?;
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
        drop(private_file::make_file(file).map_err(failed)?);
        let name = file.to_string_lossy().replace('\'', "''");
        let statement = format!("VACUUM INTO '{name}'");
        let copying = async {
            let mut connection = connect::open_unbounded(&self.url).await?;
            connection.execute_unprepared(&statement).await?;
            connection.close().await
        };
        if let Err(error) = copying.await {
            private_file::remove_file(file).map_err(failed)?;
            // It may be there, or not.
            let _ = private_file::remove_file(&beside("-journal"));
            return Err(error.to_string());
        }
        private_file::keep_file(file).map_err(failed)
    }

    /// What runs queries of anybody's rows.
    pub(crate) fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Begins a transaction that will write.
    async fn begin(&self) -> Result<Transaction> {
        let beginning = async {
            let share = match &self.reads.share {
                Some(share) => Some(permit_of(share).await?),
                None => None,
            };
            let turn = permit_of(&self.turns).await?;
            let lease = retry_while_unavailable(None, || async {
                let mut lease = self.writes.acquire().await?;
                lease.begin().await?;
                Ok(lease)
            });
            Ok(Transaction::new(
                self.reads.backend,
                lease.await?,
                [share, Some(turn)],
            ))
        };
        // Boxed, since every mutation's own future would hold it otherwise.
        timeout(PATIENCE, Box::pin(beginning))
            .await
            .map_err(|_| Error::Unavailable)?
    }
}

async fn permit_of(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    let permit = Arc::clone(semaphore).acquire_owned().await;
    permit.map_err(Error::internal)
}

async fn begin_migrating(connection: &DatabaseConnection) -> DbResult<DatabaseTransaction> {
    let transaction = connection.begin_with_options(immediate()).await?;
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        // Held until the transaction ends: a session's lock would outlive it behind a pooler.
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            .await?;
    }
    Ok(transaction)
}

fn immediate() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}

/// A name that is no other connection's, behind a prefix.
fn random_name(prefix: &str) -> DbResult<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| DbErr::Custom("the system has no randomness".to_owned()))?;
    Ok(format!("{prefix}_{:032x}", u128::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::{
        connection::{Connection, Options},
        failure::Failure,
        *,
    };
    use crate::{clock::Clock, id::Ids};

    const BRIEFLY: Duration = Duration::from_millis(100);

    async fn run(database: &Database, sql: &str) -> Result<()> {
        let transaction = database.begin().await?;
        match transaction.execute_unprepared(sql).await {
            Ok(_) => Ok(transaction.commit().await?),
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

    #[tokio::test]
    async fn full_disk_is_told_from_an_absent_database() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("it");
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .pragma("max_page_count", "2");
        let pool = Pool::new(Options::Sqlite(options), 1);
        let mut lease = pool.acquire().await.unwrap();
        let mut run = async |sql: &str| {
            let work = async |connection: &mut Connection| connection.execute_unprepared(sql).await;
            lease.run(work).await
        };
        run("CREATE TABLE notes (note)").await.unwrap();
        let error = run("INSERT INTO notes VALUES (zeroblob(9999))").await;
        let error = error.unwrap_err();
        assert_eq!(Failure::of(&error), Failure::StorageFull, "{error}");
        assert!(matches!(Error::from(error), Error::StorageFull));
        run("INSERT INTO notes VALUES (1)").await.unwrap();
    }

    #[tokio::test]
    async fn one_users_reads_leave_connections_to_others() {
        let directory = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", directory.path().join("it").display());
        let database = Database::open(&address.parse().unwrap(), 4).await.unwrap();
        run(&database, "CREATE TABLE notes (note INTEGER PRIMARY KEY)")
            .await
            .unwrap();
        let (ids, now) = (Ids::default(), Clock::system().now());
        let greedy = database.shared_by(UserId::new(&ids, now));
        let other = database.shared_by(UserId::new(&ids, now));
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let endless = Statement::from_string(DatabaseBackend::Sqlite, endless);
        let reading = join_all((0..9).map(|_| greedy.reads().query_all_raw(endless.clone())));
        tokio::select! {
            _ = reading => panic!("they are endless"),
            counted = count(&other) => assert_eq!(counted.unwrap(), 0),
        }
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

        // Endless ones are given up: while their rows come, and while they look for the first.
        for columns in ["i", "count(*)"] {
            let endless = format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {columns} FROM n"
            );
            let endless = Statement::from_string(DatabaseBackend::Sqlite, endless);
            let given_up = timeout(BRIEFLY, database.reads().query_all_raw(endless)).await;
            assert!(given_up.is_err());
            assert_eq!(count(&database).await.unwrap(), 1);
        }

        database.close().await;
        let closed = count(&database);
        assert!(timeout(BRIEFLY, closed).await.is_err());
        // The log is part of the file again.
        assert!(!directory.path().join("it-wal").exists());
    }
}
