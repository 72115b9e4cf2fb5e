//! Migrations of databases that have rows.

use std::process::Output;

use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};

use crate::{
    harness::empty_postgresql,
    process::{directory, refused, run, said},
};

/// Accounts by their addresses as typed, by their keys before the migration and after it.
const ADDRESSES: [(&str, &str, &str); 5] = [
    ("ana@example.com", "ana@example.com", "ana@example.com"),
    (
        "Info@M\u{dc}NCHEN.example",
        "info@m\u{fc}nchen.example",
        "info@xn--mnchen-3ya.example",
    ),
    (
        "jos\u{e9}@example.com",
        "jos\u{e9}@example.com",
        "jos\u{e9}@example.com",
    ),
    (
        "ana@example\u{3002}org",
        "ana@example\u{3002}org",
        "ana@example.org",
    ),
    // No domain name, which nobody can have any mail at.
    (
        "ana@m\u{fc}nchen/.example",
        "ana@m\u{fc}nchen/.example",
        "ana@m\u{fc}nchen/.example",
    ),
];

async fn execute(connection: &DatabaseConnection, sql: &str) {
    connection.execute_unprepared(sql).await.unwrap();
}

async fn store(connection: &DatabaseConnection, number: usize, email: &str, key: &str) {
    let id = format!("01a0000000007000800000000000000{number}");
    let id = match connection.get_database_backend() {
        DatabaseBackend::Sqlite => format!("X'{id}'"),
        _ => format!("'{id}'"),
    };
    let sql = format!(
        "INSERT INTO users (id, email, email_key, time_zone, password_hash, created_at, updated_at) \
         VALUES ({id}, '{email}', '{key}', 'UTC', 'x', 1, 1)"
    );
    execute(connection, &sql).await;
}

async fn keys(connection: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT email_key FROM users ORDER BY id";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

async fn domains_are_migrated_to_ascii(settings: &[(&str, &str)]) {
    let here = directory();
    let migrate = async |arguments: &[&str]| -> Output {
        run(here.path(), settings, &[&["migrate"], arguments].concat()).await
    };
    let names = said(&migrate(&["status"]).await);
    let steps = names
        .lines()
        .rev()
        .position(|line| line.ends_with("_ascii_domains"));
    let steps = (steps.expect("the migration") + 1).to_string();
    let down = ["down", "--steps", &steps];
    let done = |output: Output| assert!(output.status.success(), "{output:?}");
    done(migrate(&["up"]).await);
    done(migrate(&down).await);
    let url = match settings.first() {
        Some((_, url)) => (*url).to_owned(),
        None => format!("sqlite:{}", here.path().join("data/cubby.sqlite").display()),
    };
    let connection = sea_orm::Database::connect(url).await.unwrap();
    for (number, (email, before, _)) in ADDRESSES.iter().enumerate() {
        store(&connection, number, email, before).await;
    }
    let before = ADDRESSES.map(|(_, before, _)| before);
    let after = ADDRESSES.map(|(_, _, after)| after);
    for _ in 0..2 {
        done(migrate(&["up"]).await);
        assert_eq!(keys(&connection).await, after);
        done(migrate(&down).await);
        assert_eq!(keys(&connection).await, before);
    }

    // One mailbox and two accounts: whoever runs the service decides.
    let (email, _, key) = ADDRESSES[1];
    store(&connection, 9, key, key).await;
    let why = refused(&migrate(&["up"]).await);
    for says in [
        "user_01m0000000e008000000000001",
        "user_01m0000000e008000000000009",
        "cubby user delete",
    ] {
        assert!(why.contains(says), "{says}: {why}");
    }
    assert!(!why.contains(email) && !why.contains(key), "{why}");
    execute(
        &connection,
        "DELETE FROM users WHERE email_key LIKE '%xn--%'",
    )
    .await;
    assert_eq!(keys(&connection).await, before);
    done(migrate(&["up"]).await);
    assert_eq!(keys(&connection).await, after);
}

#[tokio::test]
async fn domains_are_migrated_to_ascii_on_sqlite() {
    domains_are_migrated_to_ascii(&[]).await;
}

#[tokio::test]
async fn domains_are_migrated_to_ascii_on_postgresql() {
    let Some(url) = empty_postgresql("ascii_domains").await else {
        return;
    };
    domains_are_migrated_to_ascii(&[("DATABASE_URL", &url)]).await;
}
