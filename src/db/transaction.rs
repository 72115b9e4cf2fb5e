//! Transactions that write.

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::{DbResult, pool::Lease, session_end_listener::announcement};
use crate::{
    error::{Error, Result},
    id::UserId,
};

/// A transaction that may write. Dropped without [`Transaction::commit`], it is rolled back.
pub(crate) struct Transaction {
    backend: DatabaseBackend,
    lease: Mutex<Lease>,
    /// The users whose sessions may have ended, which the commit announces.
    ended: SyncMutex<Vec<UserId>>,
    /// A turn to write, and a place in the user's share of the connections.
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
            ended: SyncMutex::default(),
            _permits: permits,
        }
    }

    /// The transaction, once nobody runs anything in it any more.
    pub(crate) fn alone(shared: Arc<Self>) -> Result<Self> {
        Arc::into_inner(shared).ok_or_else(|| {
            Error::internal(DbErr::Custom(
                "a viewer outlived its transaction".to_owned(),
            ))
        })
    }

    /// Has the commit announce to every instance that sessions of the user may have ended.
    pub(crate) fn announce_session_ends(&self, user_id: UserId) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if !ended.contains(&user_id) {
            ended.push(user_id);
        }
    }

    /// True if the commit announces ends of sessions.
    pub(crate) fn announces_session_ends(&self) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        !ended.is_empty()
    }

    pub(crate) async fn commit(self) -> Result<()> {
        let ended = self
            .ended
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut lease = self.lease.into_inner();
        for user_id in ended {
            let statement = announcement(self.backend, user_id);
            lease
                .run(async |connection| connection.execute(&statement).await)
                .await?;
        }
        Ok(lease.commit().await?)
    }

    /// Takes everything back. A database that cannot be told has taken it back already.
    pub(crate) async fn roll_back(self) {
        if let Err(error) = self.lease.into_inner().roll_back().await {
            tracing::debug!(%error, "a transaction ended with its connection");
        }
    }
}

/// Each query is sent once: what came before it in the transaction would be gone.
#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.backend
    }

    async fn query_one_raw(&self, statement: Statement) -> DbResult<Option<QueryResult>> {
        tracing::trace!(sql = statement.sql, "runs in a transaction");
        let mut lease = self.lease.lock().await;
        lease
            .run(async |connection| connection.query_one(&statement).await)
            .await
    }

    async fn query_all_raw(&self, statement: Statement) -> DbResult<Vec<QueryResult>> {
        tracing::trace!(sql = statement.sql, "runs in a transaction");
        let mut lease = self.lease.lock().await;
        lease
            .run(async |connection| connection.query_all(&statement).await)
            .await
    }

    async fn execute_raw(&self, statement: Statement) -> DbResult<ExecResult> {
        tracing::trace!(sql = statement.sql, "runs in a transaction");
        let mut lease = self.lease.lock().await;
        lease
            .run(async |connection| connection.execute(&statement).await)
            .await
    }

    async fn execute_unprepared(&self, sql: &str) -> DbResult<ExecResult> {
        let mut lease = self.lease.lock().await;
        let done = lease
            .run(async |connection| connection.execute_unprepared(sql).await)
            .await?;
        if sql.starts_with("ROLLBACK TO SAVEPOINT ") {
            lease.note_savepoint();
        }
        Ok(done)
    }
}
