//! Tests that users' rows can be sharded by owner: each primary key begins with the owner, and each
//! statement names it.
//!
//! [`run`](crate::harness::run) checks the statements of all tests on each database.

use std::collections::BTreeSet;

use crate::{
    harness::{App, Database, TestEnv, apply, each_database},
    sharding::{OWNED_TABLES, REFERENCE_TABLES, names_its_owner},
    statement_log::statements_without_owner,
};

/// Returns the columns of a table's primary key, in order.
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

/// Returns the tables that have the column `user_id`.
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

/// Returns the tables that the table's `user_id` references with `ON DELETE CASCADE`.
async fn cascades(app: &App, table: &str) -> Vec<String> {
    let sql = match app.env.database {
        Database::Sqlite => format!(
            "SELECT \"table\" FROM pragma_foreign_key_list('{table}')
             WHERE \"from\" = 'user_id' AND on_delete = 'CASCADE'"
        ),
        Database::Postgresql => format!(
            "SELECT confrelid::regclass::text FROM pg_constraint
             JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
             WHERE conrelid = '{table}'::regclass AND contype = 'f' AND confdeltype = 'c'
             AND attname = 'user_id'"
        ),
    };
    app.sql_texts(&sql).await
}

async fn has_column(app: &App, table: &str, column: &str) -> bool {
    let sql = match app.env.database {
        Database::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
        Database::Postgresql => format!(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'"
        ),
    };
    app.sql_texts(&sql).await.iter().any(|name| name == column)
}

/// True if an index finds a user's changes by their change number.
async fn has_index_by_seq(app: &App, table: &str) -> bool {
    let sql = match app.env.database {
        Database::Sqlite => {
            format!(
                "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}' AND sql IS NOT NULL"
            )
        }
        Database::Postgresql => {
            format!("SELECT indexdef FROM pg_indexes WHERE tablename = '{table}'")
        }
    };
    let indexes = app.sql_texts(&sql).await;
    indexes.iter().any(|sql| sql.contains("(user_id, seq)"))
}

#[apply(each_database)]
async fn each_owned_table_is_keyed_by_its_owner(env: TestEnv) {
    let app = env.app().await;
    let tables = tables_of_users(&app).await;
    let listed: BTreeSet<_> = OWNED_TABLES.into_iter().chain(REFERENCE_TABLES).collect();
    let found: BTreeSet<_> = tables.iter().map(String::as_str).collect();
    assert_eq!(found, listed, "tests/api/sharding.rs lists each table");
    for table in OWNED_TABLES {
        let key = primary_key(&app, table).await;
        assert_eq!(key[0], "user_id", "{table}: {key:?}");
        assert_eq!(cascades(&app, table).await, ["users"], "{table}");
        if has_column(&app, table, "seq").await && table != "change_logs" {
            assert!(has_index_by_seq(&app, table).await, "{table}");
        }
    }
    // Every other table has no owner.
    let mut others = app.tables().await;
    for table in tables_of_users(&app).await {
        others.remove(&table);
    }
    let of_no_user = [
        "credential_attempts",
        "jobs",
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
fn statement_without_owner_is_detected() {
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
        (r#"SELECT "id" FROM "emails" WHERE "normalized" = $1"#, true),
        (
            r#"SELECT "id" FROM "tasks" WHERE "id" IN (SELECT "id" FROM "tombstones" WHERE "user_id" = $1)"#,
            false,
        ),
        ("SELECT 1", true),
    ] {
        assert_eq!(names_its_owner(sql), names_owner, "{sql}");
    }
}
