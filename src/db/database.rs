//! Opens, checks and closes the database, and gives access to its reads and transactions.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    connect::{self, Pools},
    connection::Connection,
    failure::{DbResult, Failure},
    inline::{GroupedTransaction, InlineWrites},
    pool::Pool,
    read_pool::{ReadPool, retry_while_unavailable},
    shares::Shares,
    timeouts::WAIT_TIMEOUT,
    transaction::Transaction,
};
use crate::{
    clock::Timestamp,
    config::DatabaseUrl,
    error::{Error, Result},
    id::UserId,
};

/// The maximum time of a readiness check.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum wait for the connections in use when the database closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) type OnSessionEnd = Box<dyn Fn(UserId) + Send + Sync>;

/// A handle to the database; clones share its connections.
///
/// A `Database` runs no queries itself: the values that its crate-private methods return run them,
/// and `tests/escapes` lists the folders that may name it.
#[derive(Clone)]
pub struct Database {
    pub(super) reads: ReadPool,
    writes: Pool,
    /// Runs the transactions of viewers on SQLite.
    pub(super) inline_writes: Option<Arc<InlineWrites>>,
    /// Permits to write. SQLite allows one writer at a time; writers of this process queue here in
    /// order, because SQLite's busy handler polls with sleeps and is unfair. On PostgreSQL a
    /// quarter of the connections is reserved for reads, so that reads do not wait for writes that
    /// wait for a standby.
    turns: Arc<Semaphore>,
    shares: Arc<Shares>,
    /// Called with each user whose sessions a committed transaction of this process may have ended.
    pub(super) on_session_end: Arc<OnceLock<OnSessionEnd>>,
    pub(super) url: DatabaseUrl,
    /// The address for a direct connection.
    pub(super) direct: DatabaseUrl,
}

/// The state of the database, for a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// The database answers but rejects writes: it is a standby.
    ReadOnly,
    /// The database does not answer.
    Away,
}

impl Database {
    /// Opens the database, and waits up to ten seconds for a database that is still starting.
    ///
    /// # Errors
    /// Fails if the database cannot be reached, rejects the credentials, or has an encoding other
    /// than UTF-8, or if a pooler mixes up prepared statements.
    pub async fn open(url: &DatabaseUrl, connections: u32) -> DbResult<Self> {
        Self::over(connect::open(url, connections).await?, url, connections).await
    }

    /// Opens the database to examine it, and changes neither a SQLite file nor the files beside it.
    ///
    /// # Errors
    /// Fails if the database does not exist or cannot be opened.
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
        let (inline_reads, inline_writes) = pools.inline.unzip();
        let database = Self {
            reads: ReadPool {
                backend,
                pool: pools.reads,
                inline: inline_reads.map(Arc::new),
                share: None,
            },
            writes: pools.writes,
            inline_writes: inline_writes.map(Arc::new),
            turns: Arc::new(Semaphore::new(turns as usize)),
            shares: Arc::new(Shares::of(connections)),
            on_session_end: Arc::default(),
            url: url.clone(),
            direct: url.clone(),
        };
        database.check_encoding().await?;
        Ok(database)
    }

    /// Rejects a PostgreSQL database whose encoding is not UTF-8.
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
                "the database's encoding is {encoding}, but it must be UTF8: create a database WITH \
                 ENCODING 'UTF8' TEMPLATE template0, and set DATABASE_URL to it"
            ))),
        }
    }

    /// Sets the address of the direct connection, which the session-end listener and migrations
    /// use.
    #[must_use]
    pub fn with_direct(self, direct: DatabaseUrl) -> Self {
        Self { direct, ..self }
    }

    /// Returns a handle for the requests of one user. Handles of one user share a limited part of
    /// the connections, and queue when all of it is in use.
    pub(crate) fn shared_by(&self, user: UserId) -> Self {
        let mut database = self.clone();
        database.reads.share = Some(self.shares.of_user(user));
        database
    }

    /// Checks once, for at most two seconds, that the database answers and accepts writes.
    pub(crate) async fn readiness(&self) -> Readiness {
        match timeout(READY_TIMEOUT, self.reads.is_writable_once()).await {
            Ok(Ok(true)) => Readiness::Ready,
            Ok(Ok(false)) => Readiness::ReadOnly,
            Ok(Err(_)) | Err(_) => Readiness::Away,
        }
    }

    /// Closes every connection after it has been released, or after five seconds.
    pub async fn close(&self) {
        let closing = async {
            if let Some(inline) = &self.reads.inline {
                inline.close();
            }
            if let Some(inline) = &self.inline_writes {
                inline.close().await;
            }
            // The write pool closes last: SQLite's last connection checkpoints the log.
            for pool in [&self.reads.pool, &self.writes] {
                if let Err(error) = pool.close().await {
                    tracing::warn!(%error, "the database did not close cleanly");
                }
            }
        };
        if timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!(
                "database connections that were still in use after five seconds were dropped"
            );
        }
    }

    /// Returns the time of the database server's clock, or `None` for SQLite, which has no server.
    ///
    /// # Errors
    /// Fails if the query fails.
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

    /// Returns the path of a SQLite database whose file does not exist, and `None` otherwise.
    ///
    /// # Errors
    /// Fails if the address is invalid.
    pub(crate) fn missing_file(url: &DatabaseUrl) -> DbResult<Option<PathBuf>> {
        let file = connect::file_of(url)?;
        Ok(file.filter(|file| !file.exists()))
    }

    /// Returns the connections for reads of the rows of any user.
    pub(crate) fn reads(&self) -> &ReadPool {
        &self.reads
    }

    /// Begins a transaction that will write.
    pub(super) async fn begin(&self) -> Result<Transaction> {
        in_time(async {
            let permits = self.permits().await?;
            let lease = retry_while_unavailable(None, || async {
                let mut lease = self.writes.acquire().await?;
                lease.begin().await?;
                Ok(lease)
            });
            Ok(Transaction::new(self.reads.backend, lease.await?, permits))
        })
        .await
    }

    /// Runs one statement as a transaction of its own. Sends it once, without retries. Returns the
    /// number of rows that it has written: 0 also if it conflicts with another transaction.
    pub(crate) async fn write_alone(&self, statement: &Statement) -> Result<DbResult<u64>> {
        tracing::trace!(sql = statement.sql, "runs as a transaction");
        let acquiring = async {
            let permits = self.permits().await?;
            let lease = retry_while_unavailable(None, || self.writes.acquire()).await?;
            Ok((lease, permits))
        };
        let (mut lease, _permits) = in_time(acquiring).await?;
        let work = async |connection: &mut Connection| connection.execute(statement).await;
        Ok(match lease.write(work).await {
            Ok(written) => Ok(written.rows_affected()),
            Err(error) if Failure::of(&error) == Failure::Conflict => Ok(0),
            Err(error) => Err(error),
        })
    }

    /// Begins a transaction that SQLite runs on the calling thread.
    pub(super) async fn begin_grouped(&self, writes: &InlineWrites) -> Result<GroupedTransaction> {
        in_time(async {
            let share = self.share().await?;
            writes.begin(share, permit_of(&self.turns)).await
        })
        .await
    }

    /// Waits for a permit of the user's share of the connections, and a permit to write.
    async fn permits(&self) -> Result<[Option<OwnedSemaphorePermit>; 2]> {
        let share = self.share().await?;
        Ok([share, Some(permit_of(&self.turns).await?)])
    }

    /// Waits for a permit of the user's share of the connections.
    async fn share(&self) -> Result<Option<OwnedSemaphorePermit>> {
        match &self.reads.share {
            Some(share) => permit_of(share).await.map(Some),
            None => Ok(None),
        }
    }
}

async fn permit_of(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    let permit = Arc::clone(semaphore).acquire_owned().await;
    permit.map_err(Error::internal)
}

/// Waits for a transaction to begin. Boxed to keep the futures of mutations small.
async fn in_time<T>(beginning: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(WAIT_TIMEOUT, Box::pin(beginning))
        .await
        .map_err(|_| Error::Unavailable)?
}
