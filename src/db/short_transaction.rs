//! Runs the statements of a viewer's transaction.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};

use super::{failure::DbResult, inline::GroupedTransaction, row::Row, transaction::Transaction};
use crate::id::UserId;

/// A transaction of statements that are short: none of them reads or writes more than some hundred
/// rows.
#[derive(Clone)]
pub(crate) enum ShortTransaction {
    Driver(Arc<Transaction>),
    /// SQLite runs it on the calling thread.
    Grouped(Arc<GroupedTransaction>),
}

impl ShortTransaction {
    pub(crate) fn backend(&self) -> DatabaseBackend {
        match self {
            Self::Driver(transaction) => transaction.get_database_backend(),
            Self::Grouped(_) => DatabaseBackend::Sqlite,
        }
    }

    /// Returns the result of `read` for each row of a statement's result.
    pub(crate) async fn query<R>(
        &self,
        statement: &Statement,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> DbResult<Vec<R>> {
        match self {
            Self::Driver(transaction) => {
                let rows = transaction.query_all_raw(statement.clone()).await?;
                rows.iter().map(|row| read(row.into())).collect()
            }
            Self::Grouped(transaction) => transaction.query(statement, read).await,
        }
    }

    pub(crate) async fn execute_unprepared(&self, sql: &str) -> DbResult<()> {
        match self {
            Self::Driver(transaction) => transaction.execute_unprepared(sql).await.map(drop),
            Self::Grouped(transaction) => transaction.execute_unprepared(sql),
        }
    }

    /// Makes the commit announce to every instance that sessions of the user may have ended.
    pub(crate) fn announce_session_ends(&self, user_id: UserId) {
        match self {
            Self::Driver(transaction) => transaction.announce_session_ends(user_id),
            Self::Grouped(transaction) => transaction.announce_session_ends(user_id),
        }
    }
}
