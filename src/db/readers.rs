//! Connections that read SQLite, kept at hand. The driver's own pool asks each connection after each use
//! whether it is well, on another thread, which costs more than most of what is read.

#![expect(
    clippy::disallowed_types,
    reason = "this file holds the connections that `db` reads with"
)]

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{DbErr, QueryResult, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Connection, Sqlite, SqliteConnection, query::Query, sqlite::SqliteConnectOptions,
};
use tokio::sync::Semaphore;

use super::{DbResult, of_driver};

pub(super) struct Readers {
    options: SqliteConnectOptions,
    most: u32,
    /// One for each connection that may be open.
    places: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    /// Opens the first of at most so many.
    pub(super) async fn open(options: SqliteConnectOptions, most: u32) -> DbResult<Self> {
        let readers = Self {
            options,
            most,
            places: Semaphore::new(most as usize),
            idle: Mutex::default(),
        };
        readers.ping().await?;
        Ok(readers)
    }

    pub(super) async fn query_one(&self, statement: &Statement) -> DbResult<Option<QueryResult>> {
        self.run(async |connection| {
            let row = query(statement).fetch_optional(connection).await?;
            Ok(row.map(QueryResult::from))
        })
        .await
    }

    pub(super) async fn query_all(&self, statement: &Statement) -> DbResult<Vec<QueryResult>> {
        self.run(async |connection| {
            let rows = query(statement).fetch_all(connection).await?;
            Ok(rows.into_iter().map(QueryResult::from).collect())
        })
        .await
    }

    pub(super) async fn ping(&self) -> DbResult<()> {
        self.run(async |connection| connection.ping().await).await
    }

    /// Closes them, once those in use have been given back.
    pub(super) async fn close(&self) -> DbResult<()> {
        if let Ok(all) = self.places.acquire_many(self.most).await {
            all.forget();
            self.places.close();
        }
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            connection.close().await.map_err(of_driver)?;
        }
        Ok(())
    }

    /// Does the work on a connection of its own. One that is given up half-way, or that fails, is closed.
    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> DbResult<T> {
        let place = self.places.acquire().await;
        let _place = place.map_err(|_| of_driver(sqlx::Error::PoolClosed))?;
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options)
                .await
                .map_err(of_driver)?,
        };
        let result = work(&mut connection).await;
        let result =
            result.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))?;
        self.idle().push(connection);
        Ok(result)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The statement as the driver takes it; each connection prepares it once.
fn query(statement: &Statement) -> Query<'_, Sqlite, SqlxValues> {
    let values = statement.values.clone();
    let values = values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}
