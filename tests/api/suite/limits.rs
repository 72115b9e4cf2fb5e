//! The maximum number of rows that one account has of each table.

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
        "message": "An account may have 3 tasks. Delete some that are no longer needed.",
    }])
}

#[apply(each_database)]
async fn one_task_more_than_the_limit_is_refused(env: TestEnv) {
    let app = env.app_with(&["--max-tasks", "3"]).await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let limits = app
        .nobody()
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

    // A create whose answer was lost is still answered.
    let again = create(&ana, Some(&ids[0])).await;
    assert_eq!(again, json!({ "task": { "id": ids[0] }, "userErrors": [] }));

    // Each person has a limit of their own, and a deletion makes room.
    assert_eq!(create(&ben, None).await["userErrors"], json!([]));
    delete(&ana, &ids[1]).await;
    assert_eq!(create(&ana, None).await["userErrors"], json!([]));
    assert_eq!(create(&ana, None).await["userErrors"], limit_reached());
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [4]);
    assert_eq!(app.miscounted_tasks().await, 0);
}

#[apply(each_database)]
async fn simultaneous_creates_do_not_exceed_the_limit(env: TestEnv) {
    let app = env.app_with(&["--max-tasks", "3"]).await;
    let ana = app.sign_up("ana").await;
    let creates = (0..8).map(|_| create(&ana, None));
    let answers = futures_util::future::join_all(creates).await;
    let refused = answers
        .iter()
        .filter(|it| it["userErrors"] == limit_reached());
    assert_eq!(refused.count(), 5);
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [3]);
    assert_eq!(app.miscounted_tasks().await, 0);
}

async fn import(app: &App, titles: &[&str], options: TaskImport) -> Result<TasksImported, String> {
    let people = app.env.people_with(&["--max-tasks", "3"]).await;
    let tasks: Vec<_> = titles
        .iter()
        .map(|title| json!({ "title": title }))
        .collect();
    let file = json!(tasks).to_string();
    let open = || Ok::<_, io::Error>(Cursor::new(file.as_bytes()));
    let who = "ana@example.com";
    let imported = cubby::import_tasks(&people, who, TaskFormat::Json, options, open).await;
    people.close().await;
    imported.map_err(|error| error.to_string())
}

#[apply(each_database)]
async fn an_import_beyond_the_limit_stores_nothing(env: TestEnv) {
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
            Err("nothing was stored: an account may have 3 tasks, and there would be 4: store fewer, or raise \
                 CUBBY_MAX_TASKS"
                .to_owned())
        );
    }
    assert_eq!(app.sql("SELECT COUNT(*) FROM tasks").await, [1]);
    let stored = import(&app, &["a", "b"], TaskImport::default()).await;
    assert_eq!(stored.map(|imported| imported.stored), Ok(2));
    assert_eq!(app.miscounted_tasks().await, 0);
}

async fn run(app: &App, statement: &str) {
    use sea_orm::ConnectionTrait;

    let database = app.connect().await;
    database
        .execute_unprepared(statement)
        .await
        .expect("it runs");
}

async fn count(app: &App, rows: &str) -> i64 {
    app.sql(&format!("SELECT COUNT(*) FROM {rows}")).await[0]
}

/// The expression of an id that is older than every one that Cubby makes, and of the number `i`.
fn old_id(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "unhex(printf('%032x', i))",
        Database::Postgresql => "lpad(to_hex(i), 32, '0')::uuid",
    }
}

/// Stores sessions of the only person, used longer ago than any other.
async fn add_sessions(app: &App, numbers: std::ops::RangeInclusive<u32>, ended_at: &str) {
    let (first, last) = (numbers.start(), numbers.end());
    let id = old_id(app.env.database);
    run(
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
async fn a_person_has_at_most_a_hundred_sessions(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    add_sessions(&app, 1..=60, "NULL").await;
    add_sessions(&app, 61..=120, "created_at").await;
    let phone = app.sign_in("ana").await;
    assert_eq!(count(&app, "sessions").await, 100);
    // Those that have ended go first.
    assert_eq!(count(&app, "sessions WHERE ended_at IS NULL").await, 62);

    add_sessions(&app, 121..=180, "NULL").await;
    let laptop = app.sign_in("ana").await;
    assert_eq!(count(&app, "sessions WHERE ended_at IS NULL").await, 100);
    assert_eq!(count(&app, "sessions").await, 100);
    // And then those that were not used for longest.
    for client in [&ana, &phone, &laptop] {
        client.ask("{ viewer { id } }", json!({})).await;
    }
}

#[apply(each_database)]
async fn a_person_is_known_from_at_most_a_hundred_networks(env: TestEnv) {
    let app = env.app().await;
    app.sign_up("ana").await;
    run(
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
async fn an_account_keeps_the_newest_events_of_each_kind(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = old_id(app.env.database);
    run(
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
    // A flood of one kind displaces no other, nor anybody else's.
    assert_eq!(
        count(&app, "security_events WHERE kind = 'signed_up'").await,
        1
    );
    app.sign_up("ben").await;
    assert_eq!(count(&app, "security_events").await, 202);
}

#[apply(each_database)]
async fn an_expired_access_token_leaves_no_row_behind_the_next(env: TestEnv) {
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
async fn a_deleted_task_is_forgotten_after_thirty_days(env: TestEnv) {
    let app = env.app().await;
    let (ana, ben) = (app.sign_up("ana").await, app.sign_up("ben").await);
    let old = ana.create_task("Buy milk").await;
    delete(&ana, &old).await;
    app.advance(Duration::from_hours(29 * 24));
    let (ana, ben) = (app.sign_in(&ana.name).await, app.sign_in(&ben.name).await);
    for person in [&ana, &ben] {
        let id = person.create_task("Buy milk").await;
        delete(person, &id).await;
    }
    let again = create(&ana, Some(&old)).await;
    assert_eq!(again["userErrors"][0]["code"], "ALREADY_EXISTS");

    // An instance looks as it starts.
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
async fn deletions_of_a_million_changes_ago_are_forgotten(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    for _ in 0..3 {
        let id = ana.create_task("Buy milk").await;
        delete(&ana, &id).await;
    }
    assert_eq!(count(&app, "tombstones").await, 3);
    run(&app, "UPDATE change_logs SET seq = seq + 999997").await;
    let id = ana.create_task("Buy milk").await;
    delete(&ana, &id).await;
    let seqs = "SELECT seq FROM tombstones ORDER BY seq";
    assert_eq!(app.sql(seqs).await, [6, 1_000_005]);
}

#[apply(each_database)]
async fn an_attempt_leaves_no_row_when_its_window_has_ended(env: TestEnv) {
    let app = env.app().await;
    let now = app.now();
    let id = match env.database {
        Database::Sqlite => "x'00'",
        Database::Postgresql => "'\\x00'::bytea",
    };
    let values = format!("({id}, 1, {now}, {now} - 1000)");
    run(
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

/// The data model says of every table what bounds it.
#[apply(each_database)]
async fn every_table_has_its_bound_in_the_data_model(env: TestEnv) {
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
