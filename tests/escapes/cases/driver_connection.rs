//! Refused by clippy::disallowed_types: only `db` knows the driver.

use sqlx::{ConnectOptions, Connection, Executor}; //~

async fn connections() {
    let _ = sqlx::SqliteConnection::connect("sqlite://data/cubby.db").await; //~
    let _ = sqlx::PgConnection::connect("postgres://localhost/cubby").await; //~
    let _ = sqlx::sqlite::SqliteConnectOptions::new().connect().await; //~
    let _ = sqlx::postgres::PgConnectOptions::new().connect().await; //~
}
