//! Runs read-only statements, and retries them while the database is unavailable.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseBackend, DbErr, ExecResult, QueryResult, Statement,
};
use tokio::{sync::Semaphore, time::Instant};

use super::{
    failure::{DbResult, Failure},
    inline::InlineReads,
    pool::Pool,
    row::Row,
    timeouts::WAIT_TIMEOUT,
};

/// The interval between attempts to run a query.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Runs read-only queries; writes need a transaction.
#[derive(Clone)]
pub(crate) struct ReadPool {
    pub(super) backend: DatabaseBackend,
    pub(super) pool: Pool,
    /// Runs short queries of SQLite.
    pub(super) inline: Option<Arc<InlineReads>>,
    /// Limits the connections that one user's reads take at once.
    pub(super) share: Option<Arc<Semaphore>>,
}

impl ReadPool {
    /// Returns the result of `read` for each row.
    pub(crate) async fn read_rows<R>(
        &self,
        statement: &Statement,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> DbResult<Vec<R>> {
        tracing::trace!(sql = statement.sql, "reads");
        let inline = self.inline.as_ref();
        if let Some(rows) = inline.and_then(|inline| inline.query(statement, &read)) {
            return rows;
        }
        let rows = self.query_all(statement).await?;
        rows.iter().map(|row| read(row.into())).collect()
    }

    /// Sends the query once, without retries.
    pub(super) async fn query_one_once(
        &self,
        statement: &Statement,
    ) -> DbResult<Option<QueryResult>> {
        let mut lease = self.pool.acquire().await?;
        lease
            .read(async |connection| connection.query_one(statement).await)
            .await
    }

    /// True if the database accepts writes. If it does not, closes the idle connections, since
    /// another server may have become the primary.
    pub(super) async fn is_writable_once(&self) -> DbResult<bool> {
        let sql = match self.backend {
            DatabaseBackend::Postgres => {
                "SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'"
            }
            _ => "SELECT 1",
        };
        let statement = Statement::from_string(self.backend, sql);
        let row = self.query_one_once(&statement).await?;
        let is_writable = row.is_some_and(|row| row.try_get_by_index(0).unwrap_or(false));
        if !is_writable {
            self.pool.reconnect();
        }
        Ok(is_writable)
    }

    async fn query_all(&self, statement: &Statement) -> DbResult<Vec<QueryResult>> {
        // Boxed, because each future that contains it would be copied with it.
        let reading =
            retry_while_unavailable(self.share.as_deref(), || self.query_all_once(statement));
        Box::pin(reading).await
    }

    async fn query_all_once(&self, statement: &Statement) -> DbResult<Vec<QueryResult>> {
        let mut lease = self.pool.acquire().await?;
        lease
            .read(async |connection| connection.query_all(statement).await)
            .await
    }
}

#[async_trait]
impl ConnectionTrait for ReadPool {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.backend
    }

    async fn query_one_raw(&self, statement: Statement) -> DbResult<Option<QueryResult>> {
        tracing::trace!(sql = statement.sql, "reads");
        retry_while_unavailable(self.share.as_deref(), || self.query_one_once(&statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> DbResult<Vec<QueryResult>> {
        tracing::trace!(sql = statement.sql, "reads");
        self.query_all(&statement).await
    }

    async fn execute_raw(&self, _: Statement) -> DbResult<ExecResult> {
        Err(needs_transaction())
    }

    async fn execute_unprepared(&self, _: &str) -> DbResult<ExecResult> {
        Err(needs_transaction())
    }
}

fn needs_transaction() -> DbErr {
    DbErr::Custom("a write needs a transaction".to_owned())
}

/// Waits for a permit of the share, then runs `attempt` until the database is available, for at
/// most ten seconds in all.
pub(super) async fn retry_while_unavailable<T, F>(
    share: Option<&Semaphore>,
    mut attempt: impl FnMut() -> F,
) -> DbResult<T>
where
    F: Future<Output = DbResult<T>>,
{
    let deadline = Instant::now() + WAIT_TIMEOUT;
    let trying = async {
        let _place = match share {
            Some(share) => share.acquire().await.ok(),
            None => None,
        };
        loop {
            match attempt().await {
                Err(error)
                    if Failure::of(&error).is_retryable()
                        && Instant::now() + RETRY_INTERVAL < deadline =>
                {
                    tracing::debug!(%error, "the database is unavailable; retrying");
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                result => return result,
            }
        }
    };
    tokio::time::timeout_at(deadline, trying)
        .await
        .unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
}
