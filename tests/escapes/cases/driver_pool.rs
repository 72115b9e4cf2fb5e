//! Refused by clippy::disallowed_types: only `db` knows the driver.

async fn pools() {
    let _ = sqlx::Pool::<sqlx::Sqlite>::connect("sqlite://data/cubby.db").await; //~
    let _ = sqlx::SqlitePool::connect("sqlite://data/cubby.db").await; //~
    let _ = sqlx::PgPool::connect_lazy("postgres://localhost/cubby"); //~
    let _ = sqlx::sqlite::SqlitePoolOptions::new().connect("sqlite:").await; //~
    let _ = sqlx::postgres::PgPoolOptions::new().connect("postgres:").await; //~
    let _ = sqlx::pool::PoolOptions::<sqlx::Sqlite>::new(); //~
    let _ = sea_orm::sqlx::SqlitePool::connect("sqlite://data/cubby.db").await; //~
}
