//! Users' rows can be sharded by their owner: the owner begins each key, and is in the condition of each statement.
//!
//! The statements are those of all tests: [`run`](crate::harness::run) fails a test that sends another.

use crate::{
    harness::{App, Database, TestEnv, apply, each_database},
    log::statements_without_owner,
    sharding::{REFERENCE_TABLES, names_its_owner},
};

/// The columns of a table's primary key, in order.
async fn primary_key(app: &App, table: &str) -> Vec<String> {
    let sql = match app.env.database {
        Database::Sqlite => {
            format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk")
        }
        Database::Postgresql => format!(
            "SELECT attname::text FROM pg_index
             JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey::int2[])
             WHERE indrelid = '{table}'::regclass AND indisprimary
             ORDER BY array_position(indkey::int2[], attnum)"
        ),
    };
    app.sql_texts(&sql).await
}

/// The tables that have a column for a user's id.
async fn tables_of_users(app: &App) -> Vec<String> {
    let sql = match app.env.database {
        Database::Sqlite => {
            "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'user_id' ORDER BY m.name"
        }
        Database::Postgresql => {
            "SELECT table_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'user_id' ORDER BY table_name"
        }
    };
    app.sql_texts(sql).await
}

#[apply(each_database)]
async fn each_owned_table_is_keyed_by_its_owner(env: TestEnv) {
    let app = env.app().await;
    let tables = tables_of_users(&app).await;
    assert!(tables.len() > REFERENCE_TABLES.len(), "{tables:?}");
    for table in tables {
        let key = primary_key(&app, &table).await;
        let is_owned = key.first().is_some_and(|first| first == "user_id");
        assert!(
            is_owned || REFERENCE_TABLES.contains(&table.as_str()),
            "{table}: {key:?}"
        );
    }
    // Every other table is of no user, or is the users'.
    let mut others = app.tables().await;
    for table in tables_of_users(&app).await {
        others.remove(&table);
    }
    let of_no_user = [
        "credential_attempts",
        "seaql_migrations",
        "session_ends",
        "signing_keys",
        "users",
    ];
    let others: Vec<_> = others
        .iter()
        .filter(|table| !of_no_user.contains(&table.as_str()))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn each_statement_of_a_test_is_checked() {
    let bad = r#"DELETE FROM "tasks" WHERE "id" = $1"#;
    let sending = async { tracing::trace!(target: "cubby::db", sql = bad) };
    let ((), found) = statements_without_owner(sending).await;
    assert_eq!(found, [bad]);
}

#[test]
fn a_statement_without_its_owner_is_found() {
    for (sql, names_owner) in [
        (
            r#"SELECT "id" FROM "tasks" WHERE "tasks"."user_id" = $1 AND "id" = $2"#,
            true,
        ),
        (r#"SELECT "id" FROM "tasks" WHERE "id" = $1"#, false),
        (
            r#"SELECT "user_id", "id" FROM "sessions" WHERE "id" = $1"#,
            false,
        ),
        (
            r#"UPDATE "sessions" SET "user_id" = ? WHERE "id" = ?"#,
            false,
        ),
        (
            r#"UPDATE "sessions" SET "ended_at" = ? WHERE "sessions"."user_id" IN (?, ?) AND "id" = ?"#,
            true,
        ),
        (r#"DELETE FROM "security_events""#, false),
        (
            r#"INSERT INTO "tasks" ("user_id", "id") VALUES ($1, $2)"#,
            true,
        ),
        (r#"INSERT INTO "tasks" ("id") VALUES ($1)"#, false),
        (
            r#"SELECT "id" FROM "tasks" WHERE "user_id" = $1 AND "id" IN (SELECT "id" FROM "tombstones" WHERE "seq" > $2)"#,
            false,
        ),
        (
            r#"SELECT "id" FROM "tasks" WHERE "user_id" = $1 AND "id" IN (SELECT "id" FROM "tombstones" WHERE "user_id" = $1)"#,
            true,
        ),
        (
            r#"SELECT "id" FROM "users" WHERE "email_normalized" = $1"#,
            true,
        ),
        (
            r#"SELECT "id" FROM "tasks" WHERE "id" IN (SELECT "id" FROM "tombstones" WHERE "user_id" = $1)"#,
            false,
        ),
        ("SELECT 1", true),
    ] {
        assert_eq!(names_its_owner(sql), names_owner, "{sql}");
    }
}
