//! Transactions of a viewer.

use std::sync::{Arc, atomic::Ordering};

use sea_orm::{ConnectionTrait, DbErr, SqlErr};

use super::{connection::Connection, viewer::Viewer};
use crate::{
    db::{Database, End, Transaction},
    error::{Error, Reason, Result},
};

type DbResult<T> = std::result::Result<T, DbErr>;

impl Viewer {
    /// Runs `work` so that all its writes stand or fall together: an error takes them back. If the transaction conflicts
    /// with another one, all of `work` is run again.
    ///
    /// `work` is given the viewer over the transaction; what runs on the outer one is not part of
    /// it. Within a transaction it runs over a savepoint: an error takes back what `work` wrote, and what the
    /// caller wrote before stays, whatever the caller makes of the error.
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
                return Err(torn().into());
            }
            Ok(done)
        });
        let done = done.await?;
        self.0.changes.changed(self.user_id());
        Ok(done)
    }

    /// Runs `work` over a savepoint of the transaction.
    async fn nested<T, E, F>(
        &self,
        transaction: &Transaction,
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
        // It stays counted when this is given up half-way, and then nothing is committed.
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

    /// Runs one statement in the transaction around the viewer, or in one of its own. With `may_end_sessions` the commit
    /// announces that.
    ///
    /// # Errors
    /// [`Reason::SessionEnded`] if the user's account has been deleted meanwhile, which a foreign key shows: their
    /// sessions ended with it.
    pub(super) async fn write<T, F>(
        &self,
        may_end_sessions: bool,
        statement: impl Fn(Arc<Transaction>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = DbResult<T>>,
    {
        let statement = &statement;
        let run = |transaction: Arc<Transaction>| async move {
            if may_end_sessions {
                transaction.announce_session_ends(self.user_id());
            }
            let written = statement(transaction).await;
            written.map_err(|error| match error.sql_err() {
                Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                    Error::Unauthenticated(Reason::SessionEnded)
                }
                _ => error.into(),
            })
        };
        match &self.0.connection {
            Connection::Pool(database) => self.commit(database, run).await,
            Connection::Transaction(transaction) => run(Arc::clone(transaction)).await,
        }
    }

    /// Commits what `work` writes. Every write of a viewer passes here, and those of a viewer that may only read are
    /// refused.
    async fn commit<T, E, F>(
        &self,
        database: &Database,
        work: impl Fn(Arc<Transaction>) -> F,
    ) -> std::result::Result<T, E>
    where
        E: From<Error>,
        F: Future<Output = std::result::Result<T, E>>,
    {
        if !self.can_write() {
            return Err(Error::Unauthenticated(Reason::InsufficientScope).into());
        }
        let work = &work;
        let done = database.transaction::<_, E, _>(|transaction| async move {
            work(transaction).await.map(End::Commit)
        });
        done.await
    }
}

fn torn() -> Error {
    Error::internal(DbErr::Custom(
        "a part of the transaction was given up half-way".to_owned(),
    ))
}
