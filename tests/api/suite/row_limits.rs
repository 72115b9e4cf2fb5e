//! The maximum number of rows that one account has in each table.

use std::{
    collections::BTreeSet,
    io::{self, Cursor},
    time::Duration,
};

use cubby::{TaskFormat, TaskImport, TasksImported};
use serde_json::{Value, json};

use crate::harness::{App, Client, Database, TestEnv, apply, each_database, eventually};

const CREATE: &str = "mutation ($id: ID, $title: String!) {
    createTask(input: { id: $id, title: $title }) { task { id } userErrors { code path message } } }";

async fn create(client: &Client, id: Option<&str>) -> Value {
    let variables = json!({ "id": id, "title": "Buy milk" });
    client.ask(CREATE, variables).await["createTask"].clone()
}

async fn delete(client: &Client, id: &str) {
    let document = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    let deleted = client.ask(document, json!({ "id": id })).await;
    assert_eq!(deleted["deleteTask"]["deletedTaskId"], id);
}

fn limit_reached() -> Value {
    json!([{
        "code": "LIMIT_REACHED",
        "path": null,
        "message": "An account can have at most 3 tasks. Delete some first.",
    }])
}

#[apply(each_database)]
async fn task_over_the_limit_is_rejected(env: TestEnv) {
    let app = env.app_with(&["--max-tasks", "3"]).await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let limits = app
        .anonymous()
        .ask("{ service { limits { maxTasks } } }", json!({}))
        .await;
    assert_eq!(limits["service"]["limits"]["maxTasks"], 3);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(ana.create_task("Buy milk").await);
    }
    let refused = create(&ana, None).await;
    assert_eq!(
        refused,
        json!({ "task": null, "userErrors": limit_reached() })
    );

    // A retried create, whose first response was lost, succeeds at the limit.
    let again = create(&ana, Some(&ids[0])).await;
    assert_eq!(again, json!({ "task": { "id": ids[0] }, "userErrors": [] }));

    // Each user has a separate limit, and a deletion allows another create.
    assert_eq!(create(&ben, None).await["userErrors"], json!([]));
    delete(&ana, &ids[1]).await;
    assert_eq!(create(&ana, None).await["userErrors"], json!([]));
    assert_eq!(create(&ana, None).await["userErrors"], limit_reached());
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [4]);
    assert_eq!(app.users_with_wrong_task_count().await, 0);
}

#[apply(each_database)]
async fn concurrent_creates_do_not_exceed_the_limit(env: TestEnv) {
    let app = env.app_with(&["--max-tasks", "3"]).await;
    let ana = app.sign_up("ana").await;
    let creates = (0..8).map(|_| create(&ana, None));
    let answers = futures_util::future::join_all(creates).await;
    let refused = answers
        .iter()
        .filter(|it| it["userErrors"] == limit_reached());
    assert_eq!(refused.count(), 5);
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [3]);
    assert_eq!(app.users_with_wrong_task_count().await, 0);
}

async fn import(app: &App, titles: &[&str], options: TaskImport) -> Result<TasksImported, String> {
    let admin = app.env.admin_with(&["--max-tasks", "3"]).await;
    let tasks: Vec<_> = titles
        .iter()
        .map(|title| json!({ "title": title }))
        .collect();
    let file = json!(tasks).to_string();
    let open = || Ok::<_, io::Error>(Cursor::new(file.as_bytes()));
    let email = "ana@example.com";
    let imported = cubby::import_tasks(&admin, email, TaskFormat::Json, options, open).await;
    admin.close().await;
    imported.map_err(|error| error.to_string())
}

#[apply(each_database)]
async fn import_over_the_limit_stores_nothing(env: TestEnv) {
    let app = env.app_with(&["--max-tasks", "3"]).await;
    let ana = app.sign_up("ana").await;
    ana.create_task("Buy milk").await;
    let dry_run = TaskImport {
        dry_run: true,
        ..TaskImport::default()
    };
    for options in [dry_run, TaskImport::default()] {
        let refused = import(&app, &["a", "b", "c"], options).await;
        assert_eq!(
            refused,
            Err("nothing was stored: an account can have at most 3 tasks, and this one would have 4: store fewer, or raise \
                 CUBBY_MAX_TASKS"
                .to_owned())
        );
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [1]);
    let stored = import(&app, &["a", "b"], TaskImport::default()).await;
    assert_eq!(stored.map(|imported| imported.stored), Ok(2));
    assert_eq!(app.users_with_wrong_task_count().await, 0);
}

async fn execute(app: &App, statement: &str) {
    use sea_orm::ConnectionTrait;

    let database = app.connect().await;
    database
        .execute_unprepared(statement)
        .await
        .expect("the statement runs");
}

async fn count(app: &App, rows: &str) -> i64 {
    app.sql(&format!("SELECT COUNT(*) FROM {rows}")).await[0]
}

/// Returns the SQL expression of id number `i`, older than all ids that Cubby generates.
fn old_id(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "unhex(printf('%032x', i))",
        Database::Postgresql => "lpad(to_hex(i), 32, '0')::uuid",
    }
}

/// Stores sessions of the only user, with less recent activity than all others.
async fn add_sessions(app: &App, numbers: std::ops::RangeInclusive<u32>, ended_at: &str) {
    let (first, last) = (numbers.start(), numbers.end());
    let id = old_id(app.env.database);
    execute(
        app,
        &format!(
            "INSERT INTO sessions (id, user_id, generation, rotated_at, confirmed_generation, delivery, created_at,
               last_active_at, idle_expires_at, expires_at, ended_at, kind, scope)
             WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})
             SELECT {id}, user_id, generation, rotated_at, confirmed_generation, delivery, created_at,
               last_active_at - 1000000 + i, idle_expires_at, expires_at, {ended_at}, kind, scope
             FROM n, (SELECT * FROM sessions ORDER BY last_active_at DESC LIMIT 1) AS one"
        ),
    )
    .await;
}

#[apply(each_database)]
async fn user_has_at_most_100_sessions(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    add_sessions(&app, 1..=60, "NULL").await;
    add_sessions(&app, 61..=120, "created_at").await;
    let phone = app.sign_in("ana").await;
    assert_eq!(count(&app, "sessions").await, 100);
    // Ended sessions are deleted first.
    assert_eq!(count(&app, "sessions WHERE ended_at IS NULL").await, 62);

    add_sessions(&app, 121..=180, "NULL").await;
    let laptop = app.sign_in("ana").await;
    assert_eq!(count(&app, "sessions WHERE ended_at IS NULL").await, 100);
    assert_eq!(count(&app, "sessions").await, 100);
    // Then the least recently used sessions are deleted.
    for client in [&ana, &phone, &laptop] {
        client.ask("{ viewer { id } }", json!({})).await;
    }
}

#[apply(each_database)]
async fn user_has_at_most_100_known_networks(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    execute(
        &app,
        "INSERT INTO known_networks (user_id, network, last_used_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
         SELECT user_id, CAST(i AS text), last_used_at - 1000 + i FROM n, known_networks",
    )
    .await;
    app.sign_in("ana").await;
    assert_eq!(count(&app, "known_networks").await, 100);
    let oldest = count(&app, "known_networks WHERE network IN ('1', '51')").await;
    assert_eq!(oldest, 0);
}

const TOKEN: &str = "mutation ($expires: DateTime) { createAccessToken(input: { name: \"CI\", expiresAt: $expires }) {
    accessToken { id } userErrors { code } } }";

#[apply(each_database)]
async fn newest_security_events_of_each_kind_are_retained(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = old_id(app.env.database);
    execute(
        &app,
        &format!(
            "INSERT INTO security_events (id, user_id, kind, at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
             SELECT {id}, user_id, 'access_token_created', at FROM n, security_events WHERE kind = 'signed_up'"
        ),
    )
    .await;
    assert_eq!(count(&app, "security_events").await, 201);
    ana.ask(TOKEN, json!({})).await;
    assert_eq!(count(&app, "security_events").await, 201);
    let events = ana
        .ask(
            "{ viewer { securityEvents(first: 1) { nodes { kind at } } } }",
            json!({}),
        )
        .await;
    let newest = &events["viewer"]["securityEvents"]["nodes"][0];
    assert_eq!(newest["kind"], "ACCESS_TOKEN_CREATED");
    // Many events of one kind displace neither other kinds nor the events of other users.
    assert_eq!(
        count(&app, "security_events WHERE kind = 'signed_up'").await,
        1
    );
    app.sign_up("ben").await;
    assert_eq!(count(&app, "security_events").await, 202);
}

#[apply(each_database)]
async fn creating_a_token_deletes_expired_tokens(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let expires = "2026-11-21T12:05:00Z";
    for _ in 0..3 {
        ana.ask(TOKEN, json!({ "expires": expires })).await;
    }
    ana.ask(TOKEN, json!({})).await;
    assert_eq!(count(&app, "sessions WHERE kind = 'access_token'").await, 4);
    app.advance(Duration::from_mins(6));
    ana.ask(TOKEN, json!({})).await;
    assert_eq!(count(&app, "sessions WHERE kind = 'access_token'").await, 2);
}

#[apply(each_database)]
async fn tombstones_are_deleted_after_30_days(env: TestEnv) {
    let app = env.app().await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let old = ana.create_task("Buy milk").await;
    delete(&ana, &old).await;
    app.advance(Duration::from_hours(29 * 24));
    let (ana, ben) = (app.sign_in(&ana.name).await, app.sign_in(&ben.name).await);
    for client in [&ana, &ben] {
        let id = client.create_task("Buy milk").await;
        delete(client, &id).await;
    }
    let again = create(&ana, Some(&old)).await;
    assert_eq!(again["userErrors"][0]["code"], "ALREADY_EXISTS");

    // An instance deletes old tombstones when it starts.
    app.advance(Duration::from_hours(24));
    let _other = app.env.app().await;
    eventually("old tombstones are deleted", async || {
        count(&app, "tombstones").await == 2
    })
    .await;
    let ana = app.sign_in(&ana.name).await;
    assert_eq!(create(&ana, Some(&old)).await["userErrors"], json!([]));
}

#[apply(each_database)]
async fn tombstones_older_than_a_million_changes_are_deleted(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for _ in 0..3 {
        let id = ana.create_task("Buy milk").await;
        delete(&ana, &id).await;
    }
    assert_eq!(count(&app, "tombstones").await, 3);
    execute(&app, "UPDATE change_logs SET seq = seq + 999997").await;
    let id = ana.create_task("Buy milk").await;
    delete(&ana, &id).await;
    let seqs = "SELECT seq FROM tombstones ORDER BY seq";
    assert_eq!(app.sql(seqs).await, [6, 1_000_005]);
}

#[apply(each_database)]
async fn credential_attempts_are_deleted_after_their_window(env: TestEnv) {
    let app = env.app().await;
    let now = app.now();
    let id = match env.database {
        Database::Sqlite => "x'00'",
        Database::Postgresql => "'\\x00'::bytea",
    };
    let values = format!("({id}, 1, {now}, {now} - 1000)");
    execute(
        &app,
        &format!(
            "INSERT INTO credential_attempts (id, count, window_ends_at, last_at) VALUES {values}"
        ),
    )
    .await;
    let _other = app.env.app().await;
    eventually("ended windows are deleted", async || {
        count(&app, "credential_attempts").await == 0
    })
    .await;
}

/// The data model states the limit of each table's rows.
#[apply(each_database)]
async fn data_model_documents_a_bound_for_every_table(env: TestEnv) {
    let app = env.app().await;
    let model = std::fs::read_to_string("specs/001-user-auth/data-model.md").unwrap();
    let (_, bounds) = model.split_once("## Bounds of each table").unwrap();
    let bounds = bounds.split("\n## ").next().unwrap();
    let named: BTreeSet<_> = bounds
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(table, _)| table.to_owned())
        .collect();
    let found = app.tables().await;
    let bounded: BTreeSet<_> = named.intersection(&found).cloned().collect();
    assert_eq!(bounded, found);
}
