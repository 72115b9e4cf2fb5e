//! Refused by clippy::disallowed_types: a viewer made into a connection must say how it runs a statement.

use sea_orm::{DbBackend, DbErr, ExecResult, QueryResult, entity::prelude::async_trait};

use crate::scope::Viewer;

#[async_trait::async_trait]
impl sea_orm::ConnectionTrait for Viewer {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Sqlite
    }
    async fn execute_raw(&self, _: sea_orm::Statement) -> Result<ExecResult, DbErr> { //~
        Err(DbErr::RecordNotInserted)
    }
    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::RecordNotInserted)
    }
    async fn query_one_raw(&self, _: sea_orm::Statement) -> Result<Option<QueryResult>, DbErr> { //~
        Err(DbErr::RecordNotInserted)
    }
    async fn query_all_raw(&self, _: sea_orm::Statement) -> Result<Vec<QueryResult>, DbErr> { //~
        Err(DbErr::RecordNotInserted)
    }
}
