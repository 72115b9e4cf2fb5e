//! Runs work in transactions, and retries a transaction that conflicts with another one.

use std::{sync::Arc, time::Duration};

use sea_orm::DbErr;
use tokio::time::Instant;

use super::{
    database::Database,
    failure::Failure,
    short_transaction::ShortTransaction,
    timeouts::WAIT_TIMEOUT,
    transaction::{Transaction, Unfinished},
};
use crate::error::Error;

/// The first pause and the maximum pause before a transaction is retried. Each pause is shortened
/// at random by up to half, so that two transactions do not conflict again in step.
const CONFLICT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(2), Duration::from_millis(100));

/// The result of a transaction's work, and the end of the transaction: commit or rollback.
pub(crate) enum End<T> {
    Commit(T),
    RollBack(T),
}

impl Database {
    /// Runs `work` in a transaction. If `work` fails, the transaction is rolled back.
    ///
    /// If the database reports a conflict with another transaction (`40001`, serialization failure;
    /// `40P01`, deadlock), runs `work` again from the beginning in a new transaction, for at most
    /// ten seconds.
    ///
    /// # Errors
    /// Returns the error of `work`, or [`Error::Unavailable`] if the conflicts last ten seconds.
    pub(crate) fn transaction<T, E, F>(
        &self,
        work: impl Fn(Arc<Transaction>) -> F,
    ) -> impl Future<Output = Result<T, E>>
    where
        E: From<Error>,
        F: Future<Output = Result<End<T>, E>>,
    {
        self.run(|| self.begin(), work)
    }

    /// Like [`Database::transaction`], for the short transactions of viewers, which SQLite runs on
    /// the calling thread.
    pub(crate) async fn short_transaction<T, E, F>(
        &self,
        work: impl Fn(ShortTransaction) -> F,
    ) -> Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = Result<End<T>, E>>,
    {
        match &self.inline_writes {
            Some(writes) => {
                let work = |grouped| work(ShortTransaction::Grouped(grouped));
                self.run(|| self.begin_grouped(writes), work).await
            }
            None => {
                let work = |driver| work(ShortTransaction::Driver(driver));
                self.run(|| self.begin(), work).await
            }
        }
    }

    async fn run<X: Unfinished, B, T, E, F>(
        &self,
        begin: impl Fn() -> B,
        work: impl Fn(Arc<X>) -> F,
    ) -> Result<T, E>
    where
        B: Future<Output = Result<X, Error>>,
        E: From<Error>,
        F: Future<Output = Result<End<T>, E>>,
    {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut pause = CONFLICT_BACKOFF.0;
        loop {
            let transaction = Arc::new(begin().await?);
            // Boxed to keep the futures of mutations small.
            let result = Box::pin(work(Arc::clone(&transaction))).await;
            let transaction = Arc::into_inner(transaction).ok_or_else(outlived)?;
            let has_conflicted = transaction.has_conflicted();
            match result {
                Ok(End::Commit(value)) if !has_conflicted => match transaction.commit().await {
                    Ok(ended) => {
                        if let Some(on_session_end) = self.on_session_end.get() {
                            ended.into_iter().for_each(on_session_end);
                        }
                        return Ok(value);
                    }
                    Err(error) if Failure::of(&error) == Failure::Conflict => {}
                    Err(error) => return Err(Error::from(error).into()),
                },
                // Rolled back now, not when the connection is next used: other transactions wait
                // for the locks.
                result => {
                    let rolled_back = transaction.roll_back().await;
                    match (rolled_back, result) {
                        _ if has_conflicted => {}
                        (Err(error), _) if Failure::of(&error) == Failure::Conflict => {}
                        (Err(error), _) => return Err(Error::from(error).into()),
                        (Ok(()), Ok(End::Commit(value) | End::RollBack(value))) => {
                            return Ok(value);
                        }
                        (Ok(()), Err(error)) => return Err(error),
                    }
                }
            }
            if Instant::now() + pause > deadline {
                tracing::warn!(
                    "a transaction still conflicted with others after ten seconds of retries"
                );
                return Err(Error::Unavailable.into());
            }
            tracing::debug!("a transaction conflicted with another one and is retried");
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(CONFLICT_BACKOFF.1);
        }
    }
}

fn outlived() -> Error {
    Error::internal(DbErr::Custom(
        "a viewer is still in use after the end of its transaction".to_owned(),
    ))
}
