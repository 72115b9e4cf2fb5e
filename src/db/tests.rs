//! Tests the database with SQLite files.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use sqlx::sqlite::SqliteConnectOptions;
use tokio::time::timeout;

use super::{
    Database, DbResult,
    connection::{Connection, Options},
    failure::Failure,
    pool::Pool,
};
use crate::{
    clock::Clock,
    config::DatabaseUrl,
    error::{Error, Result},
    id::{IdGenerator, UserId},
};

const SHORT_TIMEOUT: Duration = Duration::from_millis(100);

async fn run(database: &Database, sql: &str) -> Result<()> {
    let transaction = database.begin().await?;
    match transaction.execute_unprepared(sql).await {
        Ok(_) => Ok(transaction.commit().await.map(drop)?),
        Err(error) => {
            transaction.roll_back().await;
            Err(error.into())
        }
    }
}

/// SQLite rolls back on its own when the disk is full; `OR ROLLBACK` provokes the same here.
#[tokio::test]
async fn commits_after_an_automatic_sqlite_rollback_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", directory.path().join("it").display());
    let url: DatabaseUrl = address.parse().unwrap();
    let database = Database::open(&url, 1).await.unwrap();
    let table = "CREATE TABLE notes (note INTEGER PRIMARY KEY)";
    run(&database, table).await.unwrap();
    run(&database, "INSERT INTO notes VALUES (1)")
        .await
        .unwrap();
    for insert in [
        "INSERT OR ROLLBACK INTO notes VALUES (1)",
        "INSERT INTO notes VALUES (1)",
    ] {
        run(&database, insert).await.unwrap_err();
    }
    run(&database, "INSERT INTO notes VALUES (2)")
        .await
        .unwrap();

    let another = Database::open(&url, 1).await.unwrap();
    assert_eq!(count(&another).await.unwrap(), 2);
    run(&another, "INSERT INTO notes VALUES (3)").await.unwrap();
}

#[tokio::test]
async fn full_disk_is_not_reported_as_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("it");
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .create_if_missing(true)
        .pragma("max_page_count", "2");
    let pool = Pool::new(Options::Sqlite(options), 1);
    let mut lease = pool.acquire().await.unwrap();
    let mut run = async |sql: &str| {
        let work = async |connection: &mut Connection| connection.execute_unprepared(sql).await;
        lease.run(work).await
    };
    run("CREATE TABLE notes (note)").await.unwrap();
    let error = run("INSERT INTO notes VALUES (zeroblob(9999))").await;
    let error = error.unwrap_err();
    assert_eq!(Failure::of(&error), Failure::StorageFull, "{error}");
    assert!(matches!(Error::from(error), Error::StorageFull));
    run("INSERT INTO notes VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn reads_of_one_user_leave_connections_for_others() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", directory.path().join("it").display());
    let database = Database::open(&address.parse().unwrap(), 4).await.unwrap();
    run(&database, "CREATE TABLE notes (note INTEGER PRIMARY KEY)")
        .await
        .unwrap();
    let (ids, now) = (IdGenerator::default(), Clock::system().now());
    let greedy = database.shared_by(UserId::new(&ids, now));
    let other = database.shared_by(UserId::new(&ids, now));
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let endless = Statement::from_string(DatabaseBackend::Sqlite, endless);
    let reading = join_all((0..9).map(|_| greedy.reads().query_all_raw(endless.clone())));
    tokio::select! {
        _ = reading => panic!("endless queries do not finish"),
        counted = count(&other) => assert_eq!(counted.unwrap(), 0),
    }
}

async fn count(database: &Database) -> DbResult<i64> {
    let count = Statement::from_string(DatabaseBackend::Sqlite, "SELECT count(*) FROM notes");
    let row = database.reads().query_one_raw(count).await?;
    row.unwrap().try_get_by_index(0)
}

#[tokio::test]
async fn sqlite_reads_do_not_block_or_write_and_can_be_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", directory.path().join("it").display());
    let database = Database::open(&address.parse().unwrap(), 1).await.unwrap();
    run(&database, "CREATE TABLE notes (note INTEGER PRIMARY KEY)")
        .await
        .unwrap();

    let writing = database.begin().await.unwrap();
    let insert = "INSERT INTO notes VALUES (1)";
    writing.execute_unprepared(insert).await.unwrap();
    assert_eq!(count(&database).await.unwrap(), 0);
    writing.commit().await.unwrap();
    assert_eq!(count(&database).await.unwrap(), 1);

    let insert = "INSERT INTO notes VALUES (2) RETURNING note";
    let insert = Statement::from_string(DatabaseBackend::Sqlite, insert);
    let refused = database.reads().query_one_raw(insert).await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");

    // Endless queries are cancelled, both while they return rows and before the first row.
    for columns in ["i", "count(*)"] {
        let endless = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {columns} FROM n"
        );
        let endless = Statement::from_string(DatabaseBackend::Sqlite, endless);
        let given_up = timeout(SHORT_TIMEOUT, database.reads().query_all_raw(endless)).await;
        assert!(given_up.is_err());
        assert_eq!(count(&database).await.unwrap(), 1);
    }

    database.close().await;
    let closed = count(&database);
    assert!(timeout(SHORT_TIMEOUT, closed).await.is_err());
    // The log has been written back into the file.
    assert!(!directory.path().join("it-wal").exists());
}
