//! Runs statements in a transaction that may write.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseBackend, ExecResult, QueryResult, Statement};
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::{
    failure::{DbResult, Failure},
    pool::Lease,
    session_end_announcement::{Announced, announcement},
};
use crate::id::UserId;

/// A transaction whose end is to be decided.
pub(super) trait Unfinished {
    /// True if a statement has failed because of a conflict with another transaction.
    fn has_conflicted(&self) -> bool;

    /// Commits, and returns the users whose session ends were announced.
    fn commit(self) -> impl Future<Output = DbResult<Vec<UserId>>> + Send;

    /// Rolls back.
    ///
    /// # Errors
    /// Fails if what the transaction has read may not be stored.
    fn roll_back(self) -> impl Future<Output = DbResult<()>> + Send;
}

/// A transaction that may write, rolled back when it is dropped.
pub(crate) struct Transaction {
    backend: DatabaseBackend,
    lease: Mutex<Lease>,
    has_conflicted: AtomicBool,
    ended: Announced,
    /// A permit to write, and a permit of the user's share of the connections.
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

impl Transaction {
    pub(super) fn new(
        backend: DatabaseBackend,
        lease: Lease,
        permits: [Option<OwnedSemaphorePermit>; 2],
    ) -> Self {
        Self {
            backend,
            lease: Mutex::new(lease),
            has_conflicted: AtomicBool::new(false),
            ended: Announced::default(),
            _permits: permits,
        }
    }

    /// Makes the commit announce to every instance that sessions of the user may have ended.
    pub(crate) fn announce_session_ends(&self, user_id: UserId) {
        self.ended.add(user_id);
    }

    /// Records a failure caused by a conflict.
    fn noted<T>(&self, result: DbResult<T>) -> DbResult<T> {
        if let Err(error) = &result
            && Failure::of(error) == Failure::Conflict
        {
            self.has_conflicted.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Unfinished for Transaction {
    fn has_conflicted(&self) -> bool {
        self.has_conflicted.load(Ordering::Relaxed)
    }

    async fn commit(self) -> DbResult<Vec<UserId>> {
        let ended = self.ended.into_users();
        let mut lease = self.lease.into_inner();
        for user_id in &ended {
            let statement = announcement(self.backend, *user_id);
            lease
                .run(async |connection| connection.execute(&statement).await)
                .await?;
        }
        lease.commit().await?;
        Ok(ended)
    }

    /// Rolls back. If the connection is lost, the database rolls back on its own.
    async fn roll_back(self) -> DbResult<()> {
        if let Err(error) = self.lease.into_inner().roll_back().await {
            tracing::debug!(%error, "a rollback was not sent, because the database connection is lost");
        }
        Ok(())
    }
}

/// Sends each statement once, without retries: a new connection would lack the earlier statements
/// of the transaction.
#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.backend
    }

    async fn query_one_raw(&self, statement: Statement) -> DbResult<Option<QueryResult>> {
        tracing::trace!(sql = statement.sql, "runs in a transaction");
        let mut lease = self.lease.lock().await;
        let found = lease
            .run(async |connection| connection.query_one(&statement).await)
            .await;
        self.noted(found)
    }

    async fn query_all_raw(&self, statement: Statement) -> DbResult<Vec<QueryResult>> {
        tracing::trace!(sql = statement.sql, "runs in a transaction");
        let mut lease = self.lease.lock().await;
        let found = lease
            .run(async |connection| connection.query_all(&statement).await)
            .await;
        self.noted(found)
    }

    async fn execute_raw(&self, statement: Statement) -> DbResult<ExecResult> {
        tracing::trace!(sql = statement.sql, "runs in a transaction");
        let mut lease = self.lease.lock().await;
        let done = lease
            .run(async |connection| connection.execute(&statement).await)
            .await;
        self.noted(done)
    }

    async fn execute_unprepared(&self, sql: &str) -> DbResult<ExecResult> {
        let mut lease = self.lease.lock().await;
        let done = lease
            .run(async |connection| connection.execute_unprepared(sql).await)
            .await;
        let done = self.noted(done)?;
        if sql.starts_with("ROLLBACK TO SAVEPOINT ") {
            lease.record_savepoint_rollback();
        }
        Ok(done)
    }
}
