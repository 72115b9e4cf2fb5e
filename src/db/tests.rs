//! Tests the database with SQLite files.

use std::{path::Path, sync::Mutex, time::Duration};

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};
use sqlx::sqlite::SqliteConnectOptions;
use tokio::{sync::oneshot, time::timeout};

use super::{
    Database, DbResult, End, Row, ShortTransaction,
    connection::{Connection, Options},
    failure::Failure,
    inline::InlineReads,
    pool::Pool,
    transaction::Unfinished,
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
            transaction.roll_back().await.unwrap();
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

/// Opens a database with a table of notes, each of which may refer to another one.
async fn notes(directory: &Path) -> Database {
    let address = format!("sqlite:{}", directory.join("it").display());
    let database = Database::open(&address.parse().unwrap(), 2).await.unwrap();
    let table = "CREATE TABLE notes (note INTEGER PRIMARY KEY, other REFERENCES notes)";
    run(&database, table).await.unwrap();
    database
}

async fn run_short(database: &Database, sql: &[&str]) -> Result<()> {
    let work = |transaction: ShortTransaction| async move {
        for sql in sql {
            transaction.execute_unprepared(sql).await?;
        }
        Ok::<_, Error>(End::Commit(()))
    };
    database.short_transaction(work).await
}

/// Runs transactions that all wait for the same commit: they queue behind a transaction of the driver,
/// so the thread that commits queues behind all of them.
async fn run_together(database: &Database, all: &[&[&str]]) -> Vec<Result<()>> {
    let (begun, is_begun) = oneshot::channel();
    let (go, may_go) = oneshot::channel::<()>();
    let signals = Mutex::new(Some((begun, may_go)));
    let holding = database.transaction(|_| async {
        let signals = signals.lock().unwrap().take();
        if let Some((begun, may_go)) = signals {
            begun.send(()).unwrap();
            may_go.await.unwrap();
        }
        Ok::<_, Error>(End::Commit(()))
    });
    let queueing = async {
        is_begun.await.unwrap();
        let running = join_all(all.iter().map(|sql| run_short(database, sql)));
        let going = async {
            // The others are polled before this future, so they have queued.
            go.send(()).unwrap();
        };
        tokio::join!(biased; running, going).0
    };
    tokio::join!(holding, queueing).1
}

#[tokio::test]
async fn short_transactions_commit_together_and_fail_alone() {
    let directory = tempfile::tempdir().unwrap();
    let database = notes(directory.path()).await;
    let results = run_together(
        &database,
        &[
            &["INSERT INTO notes VALUES (1, NULL)"],
            &[
                "INSERT INTO notes VALUES (2, NULL)",
                "INSERT INTO notes VALUES (1, NULL)",
            ],
            &["INSERT INTO notes VALUES (3, 1)"],
        ],
    )
    .await;
    let results: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(results, [true, false, true]);
    assert_eq!(count(&database).await.unwrap(), 2);
    // A transaction of the driver can follow.
    run(&database, "INSERT INTO notes VALUES (4, 3)")
        .await
        .unwrap();
    database.close().await;
    assert!(!directory.path().join("it-wal").exists());
}

#[tokio::test]
async fn failed_commit_is_an_error_of_every_transaction_of_the_group() {
    let directory = tempfile::tempdir().unwrap();
    let database = notes(directory.path()).await;
    let results = run_together(
        &database,
        &[
            &["INSERT INTO notes VALUES (1, NULL)"],
            &[
                "PRAGMA defer_foreign_keys = ON",
                "INSERT INTO notes VALUES (2, 7)",
            ],
            &["INSERT INTO notes VALUES (1, NULL)"],
        ],
    )
    .await;
    assert!(results.iter().all(Result::is_err));
    assert_eq!(count(&database).await.unwrap(), 0);
    run_short(&database, &["INSERT INTO notes VALUES (3, NULL)"])
        .await
        .unwrap();
    assert_eq!(count(&database).await.unwrap(), 1);
}

/// SQLite rolls back on its own when the disk is full; `OR ROLLBACK` provokes the same here.
#[tokio::test]
async fn transactions_that_another_one_has_rolled_back_run_again() {
    let directory = tempfile::tempdir().unwrap();
    let database = notes(directory.path()).await;
    run(&database, "INSERT INTO notes VALUES (1, NULL)")
        .await
        .unwrap();
    let results = run_together(
        &database,
        &[
            &["INSERT INTO notes VALUES (2, NULL)"],
            &["INSERT OR ROLLBACK INTO notes VALUES (1, NULL)"],
            &["INSERT INTO notes VALUES (3, NULL)"],
        ],
    )
    .await;
    let results: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(results, [true, false, true]);
    assert_eq!(count(&database).await.unwrap(), 3);

    // A statement after the rollback is not stored on its own.
    let ignoring = |transaction: ShortTransaction| async move {
        let full = "INSERT OR ROLLBACK INTO notes VALUES (1, NULL)";
        transaction.execute_unprepared(full).await.unwrap_err();
        let next = "INSERT INTO notes VALUES (4, NULL)";
        transaction.execute_unprepared(next).await.unwrap_err();
        Err::<End<()>, _>(Error::StorageFull)
    };
    let failed = database.short_transaction(ignoring).await;
    assert!(matches!(failed, Err(Error::StorageFull)));
    assert_eq!(count(&database).await.unwrap(), 3);
}

#[tokio::test]
async fn dropped_short_transaction_is_rolled_back_without_its_group() {
    let directory = tempfile::tempdir().unwrap();
    let database = notes(directory.path()).await;
    let waiting = |transaction: ShortTransaction| async move {
        let insert = "INSERT INTO notes VALUES (1, NULL)";
        transaction.execute_unprepared(insert).await.unwrap();
        std::future::pending::<Result<End<()>>>().await
    };
    let (given_up, stored) = tokio::join!(
        timeout(SHORT_TIMEOUT, database.short_transaction(waiting)),
        run_short(&database, &["INSERT INTO notes VALUES (2, NULL)"]),
    );
    assert!(given_up.is_err());
    stored.unwrap();
    assert_eq!(count(&database).await.unwrap(), 1);
}

fn select(sql: &str) -> Statement {
    Statement::from_string(DatabaseBackend::Sqlite, sql)
}

/// Runs a short query on this thread. Tries again if it is interrupted: on a busy machine it may exceed
/// its time.
fn run_inline<R>(
    inline: &InlineReads,
    sql: &str,
    read: impl Fn(Row<'_>) -> DbResult<R>,
) -> DbResult<Vec<R>> {
    let mut tries = (0..1_000).map(|_| inline.query(&select(sql), &read));
    tries.find_map(|rows| rows).expect("it runs inline")
}

#[tokio::test]
async fn short_reads_run_inline_and_others_are_left_to_the_driver() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("it");
    let address = format!("sqlite:{}", file.display());
    let database = Database::open(&address.parse().unwrap(), 1).await.unwrap();
    run(&database, "CREATE TABLE notes (note INTEGER PRIMARY KEY)")
        .await
        .unwrap();
    let inline = InlineReads::new(file);
    let number = |row: Row<'_>| row.get::<i64>(0);

    let few =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) SELECT i FROM n";
    let numbers = run_inline(&inline, few, number).unwrap();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    for other in [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "INSERT INTO notes VALUES (1) RETURNING note",
        "SELECT note FROM missing",
    ] {
        assert!(inline.query(&select(other), number).is_none(), "{other}");
    }
    assert_eq!(count(&database).await.unwrap(), 0);
    // An interrupted query does not spoil the next one.
    run_inline(&inline, few, number).unwrap();
    inline.close();
    assert!(inline.query(&select(few), number).is_none());
}

#[tokio::test]
async fn inline_reads_give_the_same_values_as_the_driver() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", directory.path().join("it").display());
    let database = Database::open(&address.parse().unwrap(), 1).await.unwrap();
    let uuid = "SELECT x'0188bac74afa78aabc3bbd1eef28d881'";
    let same = async |sql: &str, read: &dyn Fn(Row<'_>) -> DbResult<String>| {
        let inline = database.reads().inline.as_ref().unwrap();
        let inline = run_inline(inline, sql, read).unwrap();
        let driver = database.reads().query_all_raw(select(sql)).await.unwrap();
        let driver: Vec<_> = driver.iter().map(|row| read(row.into()).unwrap()).collect();
        assert_eq!(inline, driver, "{sql}");
    };
    fn read<T: sea_orm::TryGetable + sea_orm::sea_query::ValueType + std::fmt::Debug>(
        row: Row<'_>,
    ) -> DbResult<String> {
        Ok(format!("{:?}", row.get::<T>(0)?))
    }
    same("SELECT 9223372036854775807", &read::<i64>).await;
    same("SELECT -7", &read::<i32>).await;
    same("SELECT 4", &read::<i16>).await;
    same("SELECT 1 = 1", &read::<bool>).await;
    same("SELECT 1 = 2", &read::<Option<bool>>).await;
    same("SELECT 'a''\u{1f600}'", &read::<String>).await;
    same("SELECT x'00ff'", &read::<Vec<u8>>).await;
    same(uuid, &read::<UserId>).await;
    same("SELECT NULL", &read::<Option<i64>>).await;
    same("SELECT NULL", &read::<Option<String>>).await;
    same("SELECT NULL", &read::<Option<UserId>>).await;

    let inline = database.reads().inline.as_ref().unwrap();
    for (sql, read) in [
        (
            "SELECT NULL",
            read::<i64> as fn(Row<'_>) -> DbResult<String>,
        ),
        ("SELECT 'x'", read::<i64>),
        ("SELECT 2147483648", read::<i32>),
        ("SELECT x'00'", read::<UserId>),
    ] {
        run_inline(inline, sql, read).unwrap_err();
    }
}
