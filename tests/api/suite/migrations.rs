//! Migrations of a database with rows in every table.

use std::collections::BTreeMap;

use cubby::db::Database;
use serde_json::json;

use super::federation::with_token;
use crate::{
    harness::{App, PASSWORD, TestEnv, apply, each_database, eventually},
    issuer::{Issuer, Key},
};

/// Counts the rows of each table except the table of migrations.
async fn row_counts(app: &App) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for table in app.tables().await {
        if table != "seaql_migrations" {
            let count = app.sql(&format!("SELECT count(*) FROM {table}")).await;
            counts.insert(table, count[0]);
        }
    }
    counts
}

async fn migration_count(database: &Database) -> usize {
    let migrations = database.migrations().await;
    migrations.expect("the migrations are listed").len()
}

/// Stores rows in every table by requests.
async fn store_rows(app: &App, key: &Key, issuer: &Issuer) {
    let ana = app.sign_up("ana").await;
    ana.create_task("Buy milk").await;
    let id = ana.create_task("Call Ben").await;
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    ana.ask(delete, json!({ "id": id })).await;
    let guess =
        "mutation { signIn(input: { email: \"ana@example.com\", password: \"wrong horse\" }) {
        userErrors { code } } }";
    app.anonymous().ask(guess, json!({})).await;
    // The mail server of the test does not answer, so the job of the mail stays.
    let request = "mutation { requestPasswordReset(input: { email: \"ana@example.com\" }) {
        userErrors { code } } }";
    app.anonymous().ask(request, json!({})).await;
    eventually("a challenge is stored", async || {
        app.sql("SELECT count(*) FROM challenges").await == [1]
    })
    .await;
    let external = with_token(app, &key.sign(&issuer.claims("ben", app.now())));
    external.create_task("Read a book").await;
}

#[apply(each_database)]
async fn migrations_go_down_and_up_with_rows_in_every_table(env: TestEnv) {
    let key = Key::ed25519("one");
    let issuer = Issuer::with(&[&key]).await;
    let issuers = issuer.setting("EdDSA");
    let flags = [
        "--trusted-issuers",
        &issuers,
        "--throttles",
        "on",
        "--smtp-url",
        "smtp://127.0.0.1:1",
    ];
    let app = env.app_with(&flags).await;
    store_rows(&app, &key, &issuer).await;
    let before = row_counts(&app).await;
    for (table, count) in &before {
        assert!(*count > 0, "{table} has no row");
    }

    let url = env.database_url.parse().expect("a database URL");
    let database = Database::open(&url, 1).await.expect("the database opens");
    let count = migration_count(&database).await;
    for undone in 1..=count {
        database
            .migrate_down(1)
            .await
            .expect("the migration is reverted");
        // Reverting one migration preserves the rows in the tables of all earlier ones.
        for (table, count) in row_counts(&app).await {
            assert_eq!(before.get(&table), Some(&count), "{table}");
        }
        let states = database
            .migrations()
            .await
            .expect("the migrations are listed");
        let down = states.iter().filter(|(_, is_up)| !is_up).count();
        assert_eq!(down, undone);
    }
    assert!(row_counts(&app).await.is_empty());
    database
        .migrate_up()
        .await
        .expect("the migrations run again");
    database.close().await;

    assert!(row_counts(&app).await.keys().eq(before.keys()));
    let app = env.app_with(&flags).await;
    store_rows(&app, &key, &issuer).await;
    eventually("each table has as many rows as before", async || {
        row_counts(&app).await == before
    })
    .await;
}

#[apply(each_database)]
async fn addresses_and_passwords_move_to_their_own_tables_and_back(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.create_task("Buy milk").await;
    let url = env.database_url.parse().expect("a database URL");
    let database = Database::open(&url, 1).await.expect("the database opens");
    let count = migration_count(&database).await;
    let later = u32::try_from(count).expect("few migrations") - 1;
    database
        .migrate_down(later)
        .await
        .expect("all migrations but the first are reverted");
    let address = "SELECT email || ' ' || email_normalized FROM users";
    assert_eq!(
        app.sql_texts(address).await,
        ["ana@example.com ana@example.com"]
    );
    let is_hash = "SELECT count(*) FROM users WHERE password_hash LIKE '$argon2id$%'";
    assert_eq!(app.sql(is_hash).await, [1]);

    database.migrate_up().await.expect("the migrations run");
    database.close().await;
    let app = env.app().await;
    assert_eq!(ana.send(TITLES, json!({})).await.status.as_u16(), 200);
    let again = app.sign_in("ana").await;
    let tasks = again.ask(TITLES, json!({})).await;
    assert_eq!(
        tasks["viewer"],
        json!({ "email": "ana@example.com", "tasks": { "nodes": [{ "title": "Buy milk" }] } })
    );
    // The rows of other tables still refer to the user.
    let delete = "mutation ($email: String!, $password: String!) { deleteAccount(input: { password: $password, confirmEmail: $email }) {
        userErrors { message } } }";
    again
        .ask(
            delete,
            json!({ "email": "ana@example.com", "password": PASSWORD }),
        )
        .await;
    assert_eq!(app.sql("SELECT count(*) FROM tasks").await, [0]);
}

const TITLES: &str = "{ viewer { email tasks { nodes { title } } } }";
