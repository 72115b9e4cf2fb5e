//! Transactions of a viewer.

use std::sync::{Arc, atomic::Ordering};

use sea_orm::{ConnectionTrait, DbErr, SqlErr};

use super::{connection::Connection, owner::Owned, viewer::Viewer};
use crate::{
    db::{Database, Transaction},
    error::{Error, Reason, Result},
};

type DbResult<T> = std::result::Result<T, DbErr>;

impl Viewer {
    /// Runs `work` so that all its writes stand or fall together: an error takes them back.
    ///
    /// `work` is given the viewer over the transaction; what runs on the outer one is not part of
    /// it. Within a transaction it runs over a savepoint: an error takes back what `work` wrote, and what the
    /// caller wrote before stays, whatever the caller makes of the error.
    pub(crate) async fn atomically<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let database = match &self.0.connection {
            Connection::Pool(database) => database,
            Connection::Transaction(transaction) => return self.nested(transaction, work).await,
        };
        let transaction = Arc::new(self.begin_on(database).await?);
        let inside = self.inside(Arc::clone(&transaction));
        let result = work(&inside).await;
        let is_torn = inside.0.open_savepoints.load(Ordering::Relaxed) > 0;
        drop(inside);
        let transaction = Transaction::alone(transaction)?;
        match result {
            Ok(_) if is_torn => {
                transaction.roll_back().await;
                return Err(torn().into());
            }
            Ok(_) => {
                self.commit(transaction).await?;
                self.0.changes.changed(self.user_id());
            }
            // Said now rather than when the connection is next used: others wait for the lock.
            Err(_) => transaction.roll_back().await,
        }
        result
    }

    /// Runs `work` over a savepoint of the transaction.
    async fn nested<T, E: From<Error>>(
        &self,
        transaction: &Transaction,
        work: impl AsyncFnOnce(&Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let run = async |sql| {
            transaction
                .execute_unprepared(sql)
                .await
                .map_err(Error::from)
        };
        // It stays counted when this is given up half-way, and then nothing is committed.
        self.0.open_savepoints.fetch_add(1, Ordering::Relaxed);
        run("SAVEPOINT nested").await?;
        let result = work(self).await;
        if result.is_err() {
            run("ROLLBACK TO SAVEPOINT nested").await?;
        }
        run("RELEASE SAVEPOINT nested").await?;
        self.0.open_savepoints.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// The transaction around the viewer, or one for a single statement.
    pub(super) async fn begin(&self) -> Result<Writing> {
        Ok(match &self.0.connection {
            Connection::Pool(database) => Writing::Alone(self.begin_on(database).await?),
            Connection::Transaction(transaction) => Writing::Within(Arc::clone(transaction)),
        })
    }

    /// The same for a statement that changes or removes rows of `E`, which may end sessions.
    pub(super) async fn begin_change<E: Owned>(&self) -> Result<Writing> {
        let writing = self.begin().await?;
        if E::ENDS_SESSIONS {
            writing.transaction().announce_session_ends(self.user_id());
        }
        Ok(writing)
    }

    /// Commits, and has this process forget the sessions that may have ended.
    async fn commit(&self, transaction: Transaction) -> Result<()> {
        let ends_sessions = transaction.announces_session_ends();
        transaction.commit().await?;
        if ends_sessions {
            self.0.changes.sessions_ended(self.user_id());
        }
        Ok(())
    }

    /// Begins every write of a viewer, and refuses those of a viewer that may only read.
    async fn begin_on(&self, database: &Database) -> Result<Transaction> {
        if !self.can_write() {
            return Err(Error::Unauthenticated(Reason::InsufficientScope));
        }
        database.begin().await
    }
}

/// Where one statement writes.
pub(super) enum Writing {
    Alone(Transaction),
    Within(Arc<Transaction>),
}

impl Writing {
    pub(super) fn transaction(&self) -> &Transaction {
        match self {
            Self::Alone(transaction) => transaction,
            Self::Within(transaction) => transaction,
        }
    }

    /// Commits what was written alone, and says what a refused write means: a row whose owner is
    /// gone was written by a request that the end of their account overtook, and their sessions
    /// ended with it.
    pub(super) async fn end<T>(self, viewer: &Viewer, written: DbResult<T>) -> Result<T> {
        let written = written.map_err(|error| match error.sql_err() {
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                Error::Unauthenticated(Reason::SessionEnded)
            }
            _ => error.into(),
        })?;
        if let Self::Alone(transaction) = self {
            viewer.commit(transaction).await?;
        }
        Ok(written)
    }
}

fn torn() -> Error {
    Error::internal(DbErr::Custom(
        "a part of the transaction was given up half-way".to_owned(),
    ))
}
