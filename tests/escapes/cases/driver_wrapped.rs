//! Refused by clippy::disallowed_types: only `db` makes a connection out of the driver's.

use sea_orm::{SqlxPostgresConnector, SqlxSqliteConnector}; //~

async fn wrapped() {
    let _ = sea_orm::SqlxSqliteConnector::from_sqlx_sqlite_pool; //~
    let _ = sea_orm::SqlxPostgresConnector::from_sqlx_postgres_pool; //~
}
