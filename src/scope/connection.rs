//! Runs a viewer's statements on the connection pool or in one transaction.

use sea_orm::{ConnectionTrait, DatabaseBackend, DbErr, Statement};

use crate::db::{Database, Row, ShortTransaction};

pub(super) enum Connection {
    Pool(Database),
    Transaction(ShortTransaction),
}

impl Connection {
    pub(super) fn backend(&self) -> DatabaseBackend {
        match self {
            Self::Pool(database) => database.reads().get_database_backend(),
            Self::Transaction(transaction) => transaction.backend(),
        }
    }

    /// True if each statement is a round trip over the network.
    pub(super) fn is_remote(&self) -> bool {
        self.backend() == DatabaseBackend::Postgres
    }

    /// Returns the result of `read` for each row.
    pub(super) async fn read_rows<R>(
        &self,
        statement: &Statement,
        read: impl Fn(Row<'_>) -> Result<R, DbErr>,
    ) -> Result<Vec<R>, DbErr> {
        match self {
            Self::Pool(database) => database.reads().read_rows(statement, read).await,
            Self::Transaction(transaction) => transaction.query(statement, read).await,
        }
    }
}
