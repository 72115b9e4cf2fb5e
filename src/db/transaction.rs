//! Transactions, each run again from its beginning when it conflicts with another one.

use std::{
    sync::{
        Arc, Mutex as SyncMutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit},
    time::Instant,
};

use super::{
    Database,
    failure::{DbResult, Failure},
    pool::Lease,
    session_end_listener::announcement,
    timeouts::WAIT_TIMEOUT,
};
use crate::{error::Error, id::UserId};

/// The pause before a transaction is run again, at first and at most. Each is shortened at random by up to half, so
/// that two transactions do not conflict in step.
const CONFLICT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(2), Duration::from_millis(100));

/// A transaction that may write. Dropped, it is rolled back.
pub(crate) struct Transaction {
    backend: DatabaseBackend,
    lease: Mutex<Lease>,
    /// A statement failed since the transaction conflicts with another one.
    has_conflicted: AtomicBool,
    /// The users whose sessions may have ended, which the commit announces.
    ended: SyncMutex<Vec<UserId>>,
    /// A turn to write, and a place in the user's share of the connections.
    _permits: [Option<OwnedSemaphorePermit>; 2],
}

/// The result of a transaction's work, and what becomes of the writes.
pub(crate) enum End<T> {
    Commit(T),
    RollBack(T),
}

impl Database {
    /// Runs `work` in a transaction, which an error rolls back.
    ///
    /// If the database says that the transaction conflicts with another one (`40001`, serialization failure; `40P01`,
    /// deadlock), all of `work` is run again in a new transaction, for ten seconds at most.
    pub(crate) async fn transaction<T, E, F>(
        &self,
        work: impl Fn(Arc<Transaction>) -> F,
    ) -> Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = Result<End<T>, E>>,
    {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut pause = CONFLICT_BACKOFF.0;
        loop {
            let transaction = Arc::new(self.begin().await?);
            let result = work(Arc::clone(&transaction)).await;
            let transaction = Arc::into_inner(transaction).ok_or_else(outlived)?;
            let has_conflicted = transaction.has_conflicted.load(Ordering::Relaxed);
            match result {
                Ok(End::Commit(value)) if !has_conflicted => match transaction.commit().await {
                    Ok(()) => return Ok(value),
                    Err(error) if Failure::of(&error) == Failure::Conflict => {}
                    Err(error) => return Err(Error::from(error).into()),
                },
                // Sent now rather than when the connection is next used: others wait for the locks.
                result => {
                    transaction.roll_back().await;
                    match result {
                        _ if has_conflicted => {}
                        Ok(End::Commit(value) | End::RollBack(value)) => return Ok(value),
                        Err(error) => return Err(error),
                    }
                }
            }
            if Instant::now() + pause > deadline {
                tracing::warn!("a transaction conflicted with others for ten seconds");
                return Err(Error::Unavailable.into());
            }
            tracing::debug!("a transaction conflicted with another one and is run again");
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(CONFLICT_BACKOFF.1);
        }
    }
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
            ended: SyncMutex::default(),
            _permits: permits,
        }
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

    pub(super) async fn commit(self) -> DbResult<()> {
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
        lease.commit().await
    }

    /// Rolls everything back. A database that cannot be reached has rolled it back already.
    pub(super) async fn roll_back(self) {
        if let Err(error) = self.lease.into_inner().roll_back().await {
            tracing::debug!(%error, "a transaction ended with its connection");
        }
    }

    /// Notes whether the statement failed by a conflict.
    fn noted<T>(&self, result: DbResult<T>) -> DbResult<T> {
        if let Err(error) = &result
            && Failure::of(error) == Failure::Conflict
        {
            self.has_conflicted.store(true, Ordering::Relaxed);
        }
        result
    }
}

fn outlived() -> Error {
    Error::internal(DbErr::Custom(
        "a viewer outlived its transaction".to_owned(),
    ))
}

/// Sends each statement once: what came before it in the transaction would be gone.
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
            lease.note_savepoint();
        }
        Ok(done)
    }
}
