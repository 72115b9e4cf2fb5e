//! Runs a viewer's writes in transactions and savepoints.

use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use sea_orm::{DbErr, Statement};

use super::{connection::Connection, viewer::Viewer};
use crate::{
    db::{Database, End, Row, ShortTransaction, violates_foreign_key},
    error::{AuthFailure, Error, Result},
};

type DbResult<T> = std::result::Result<T, DbErr>;

impl Viewer {
    /// Runs `work` in a transaction: commits all its writes, or none if it fails. If the
    /// transaction conflicts with another one, runs `work` again from the beginning.
    ///
    /// `work` must use the viewer that it is given; statements of the outer viewer are not part of
    /// the transaction. Inside a transaction, `work` runs in a savepoint: an error reverts the
    /// writes of `work` only, and the caller can continue.
    pub(crate) async fn transaction<T, E, F>(
        &self,
        work: impl Fn(Self) -> F,
    ) -> std::result::Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = std::result::Result<T, E>>,
    {
        let database = match &self.0.connection {
            Connection::Pool(database) => database,
            Connection::Transaction(transaction) => return self.nested(transaction, work).await,
        };
        let work = &work;
        let done = self.commit::<_, E, _>(database, |transaction| async move {
            let inside = self.inside(transaction);
            let done = work(inside.clone()).await?;
            if inside.0.open_savepoints.load(Ordering::Relaxed) > 0 {
                return Err(cancelled_savepoint().into());
            }
            Ok(done)
        });
        let done = done.await?;
        self.0.changes.changed(self.user_id());
        Ok(done)
    }

    /// Runs `work` in a savepoint of the transaction.
    async fn nested<T, E, F>(
        &self,
        transaction: &ShortTransaction,
        work: impl Fn(Self) -> F,
    ) -> std::result::Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = std::result::Result<T, E>>,
    {
        let run = async |sql| {
            transaction
                .execute_unprepared(sql)
                .await
                .map_err(Error::from)
        };
        // If this future is dropped, the savepoint stays counted, so the transaction cannot commit.
        self.0.open_savepoints.fetch_add(1, Ordering::Relaxed);
        run("SAVEPOINT nested").await?;
        let result = work(self.clone()).await;
        if result.is_err() {
            run("ROLLBACK TO SAVEPOINT nested").await?;
        }
        run("RELEASE SAVEPOINT nested").await?;
        self.0.open_savepoints.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// Runs statements in the viewer's transaction or, without one, in a new transaction. Returns
    /// the result of `read` for each row that they return. If `may_end_sessions` is true, the commit
    /// announces that the user's sessions may have ended.
    ///
    /// # Errors
    /// Returns [`AuthFailure::SessionEnded`] if the user's account has been deleted.
    pub(super) async fn write<R: Send>(
        &self,
        may_end_sessions: bool,
        statements: &[Statement],
        read: fn(Row<'_>) -> DbResult<R>,
    ) -> Result<Vec<R>> {
        let run = |transaction: ShortTransaction| async move {
            if may_end_sessions {
                transaction.announce_session_ends(self.user_id());
            }
            let mut results = Vec::new();
            for statement in statements {
                let written = transaction.query(statement, read).await;
                results.extend(written.map_err(write_error)?);
            }
            Ok(results)
        };
        match &self.0.connection {
            // Boxed as a trait object: the compiler limits how deep types are nested.
            Connection::Pool(database) => {
                let committed: BoxFuture<'_, _> = Box::pin(self.commit(database, run));
                committed.await
            }
            Connection::Transaction(transaction) => run(transaction.clone()).await,
        }
    }

    /// Runs `work` in a transaction. Every write of a viewer passes here, and a read-only viewer is
    /// rejected.
    async fn commit<T, E, F>(
        &self,
        database: &Database,
        work: impl Fn(ShortTransaction) -> F,
    ) -> std::result::Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = std::result::Result<T, E>>,
    {
        if !self.can_write() {
            return Err(Error::Unauthenticated(AuthFailure::InsufficientScope).into());
        }
        let work = &work;
        let done = database.short_transaction::<_, E, _>(|transaction| async move {
            work(transaction).await.map(End::Commit)
        });
        done.await
    }
}

/// Converts the error of a write. A foreign key is violated if the user's account, and with it their
/// session, has been deleted during the request.
pub(super) fn write_error(error: DbErr) -> Error {
    if violates_foreign_key(&error) {
        Error::Unauthenticated(AuthFailure::SessionEnded)
    } else {
        error.into()
    }
}

fn cancelled_savepoint() -> Error {
    Error::internal(DbErr::Custom(
        "a nested transaction was cancelled before it finished".to_owned(),
    ))
}
