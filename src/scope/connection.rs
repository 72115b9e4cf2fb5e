//! Runs a viewer's statements on the connection pool or in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::db::{Database, Row, Transaction};

type DbResult<T> = Result<T, DbErr>;

pub(super) enum Connection {
    Pool(Database),
    Transaction(Arc<Transaction>),
}

impl Connection {
    /// Returns the result of `read` for each row.
    pub(super) async fn read_rows<R>(
        &self,
        statement: &Statement,
        read: impl Fn(Row<'_>) -> DbResult<R>,
    ) -> DbResult<Vec<R>> {
        match self {
            Self::Pool(database) => database.reads().read_rows(statement, read).await,
            Self::Transaction(transaction) => {
                let rows = transaction.query_all_raw(statement.clone()).await?;
                rows.iter().map(|row| read(row.into())).collect()
            }
        }
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DatabaseBackend {
        match self {
            Self::Pool(database) => database.reads().get_database_backend(),
            Self::Transaction(transaction) => transaction.get_database_backend(),
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> DbResult<Option<QueryResult>> {
        match self {
            Self::Pool(database) => database.reads().query_one_raw(statement).await,
            Self::Transaction(transaction) => transaction.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> DbResult<Vec<QueryResult>> {
        match self {
            Self::Pool(database) => database.reads().query_all_raw(statement).await,
            Self::Transaction(transaction) => transaction.query_all_raw(statement).await,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> DbResult<ExecResult> {
        match self {
            Self::Pool(database) => database.reads().execute_raw(statement).await,
            Self::Transaction(transaction) => transaction.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> DbResult<ExecResult> {
        match self {
            Self::Pool(database) => database.reads().execute_unprepared(sql).await,
            Self::Transaction(transaction) => transaction.execute_unprepared(sql).await,
        }
    }
}
