//! Refused by reading: a slice's functions take a viewer, not a database connection.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbConn};

async fn one(connection: &DatabaseConnection) {
    let _ = connection.execute_unprepared("DELETE FROM tasks").await;
}

struct Holder {
    transaction: DatabaseTransaction,
    connection: sea_orm::DbConn,
    either: fn(sea_orm::DatabaseExecutor<'_>),
}
