//! Tests of creating, changing and deleting tasks, and of the change log.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    harness::{App, Client, Database, TestEnv, apply, each_database},
    statement_log::statements,
};

const TASK: &str = "id version title description completed completedAt priority position createdAt
    updatedAt";

async fn create(client: &Client, input: Value) -> Value {
    let query = format!(
        "mutation ($input: CreateTaskInput!) {{ createTask(input: $input) {{
           task {{ {TASK} }} viewer {{ tasks {{ totalCount }} }} userErrors {{ code path }} }} }}"
    );
    client.ask(&query, json!({ "input": input })).await["createTask"].clone()
}

async fn update(client: &Client, input: Value) -> Value {
    let query = format!(
        "mutation ($input: UpdateTaskInput!) {{ updateTask(input: $input) {{
           task {{ {TASK} }} userErrors {{ code path
             ... on VersionConflictError {{ currentVersion }} }} }} }}"
    );
    client.ask(&query, json!({ "input": input })).await["updateTask"].clone()
}

async fn set_completed(client: &Client, input: Value) -> Value {
    let query = format!(
        "mutation ($input: SetTaskCompletedInput!) {{ setTaskCompleted(input: $input) {{
           task {{ {TASK} }} viewer {{ id }} userErrors {{ code path }} }} }}"
    );
    client.ask(&query, json!({ "input": input })).await["setTaskCompleted"].clone()
}

async fn delete(client: &Client, input: Value) -> Value {
    let query = "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) {
        deletedTaskId viewer { tasks { totalCount } } userErrors { code path } } }";
    client.ask(query, json!({ "input": input })).await["deleteTask"].clone()
}

async fn task(client: &Client, id: &str) -> Value {
    let query = format!("query ($id: ID!) {{ viewer {{ task(id: $id) {{ {TASK} }} }} }}");
    client.ask(&query, json!({ "id": id })).await["viewer"]["task"].clone()
}

fn error(code: &str, field: &str) -> Value {
    json!([{ "code": code, "path": ["input", field] }])
}

/// Returns a task id generated at a time, in milliseconds since the Unix epoch.
fn id_at(millis: i64) -> String {
    id_with_version(millis, 7)
}

fn id_with_version(millis: i64, version: u128) -> String {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).unwrap();
    let random = u128::from_be_bytes(random) & ((1 << 80) - 1);
    let millis = u128::try_from(millis).unwrap() << 80;
    let uuid = (millis | random) & !(0xf << 76) | version << 76;
    let uuid = uuid & !(0b11 << 62) | 0b10 << 62;
    let digits = b"0123456789abcdefghjkmnpqrstvwxyz";
    let text: String = (0..26)
        .rev()
        .map(|place| char::from(digits[usize::try_from(uuid >> (place * 5) & 31).unwrap()]))
        .collect();
    format!("task_{text}")
}

async fn seqs(app: &App) -> Vec<i64> {
    app.sql("SELECT seq FROM tasks UNION ALL SELECT seq FROM tombstones ORDER BY seq")
        .await
}

#[apply(each_database)]
async fn created_task_has_given_fields_and_defaults(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let payload = create(&ana, json!({ "title": "  Buy milk\n" })).await;
    let task = &payload["task"];
    assert!(task["id"].as_str().unwrap().starts_with("task_"));
    assert_eq!(task["title"], "Buy milk");
    assert_eq!(task["version"], 1);
    assert_eq!(task["description"], Value::Null);
    assert_eq!(task["completed"], false);
    assert_eq!(task["completedAt"], Value::Null);
    assert_eq!(task["priority"], "NONE");
    assert_eq!(task["createdAt"], "2026-11-21T12:00:00.000Z");
    assert_eq!(task["updatedAt"], "2026-11-21T12:00:00.000Z");
    assert_eq!(payload["viewer"]["tasks"]["totalCount"], 1);
    let input = json!({ "title": "Call", "description": " **now** \n", "priority": "URGENT" });
    let payload = create(&ana, input).await;
    assert_eq!(payload["task"]["description"], " **now** \n");
    assert_eq!(payload["task"]["priority"], "URGENT");
}

#[apply(each_database)]
async fn all_invalid_fields_are_reported_at_once(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let input = json!({ "id": "7", "title": "   ", "description": "x".repeat(16_385) });
    let payload = create(&ana, input).await;
    assert_eq!(payload["task"], Value::Null);
    assert_eq!(
        payload["userErrors"],
        json!([
            { "code": "INVALID", "path": ["input", "id"] },
            { "code": "REQUIRED", "path": ["input", "title"] },
            { "code": "TOO_LONG", "path": ["input", "description"] },
        ])
    );
    let payload = create(&ana, json!({ "title": "x".repeat(501) })).await;
    assert_eq!(payload["userErrors"], error("TOO_LONG", "title"));
    let payload = create(&ana, json!({ "title": "a\u{0}b" })).await;
    assert_eq!(payload["userErrors"], error("INVALID", "title"));
    assert_eq!(ana.titles().await, Vec::<String>::new());
}

#[apply(each_database)]
async fn new_task_is_last_by_position_and_first_by_age(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut positions = Vec::new();
    for number in 0..70 {
        let payload = create(&ana, json!({ "title": number.to_string() })).await;
        positions.push(payload["task"]["position"].as_str().unwrap().to_owned());
    }
    assert!(
        positions.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()),
        "{positions:?}"
    );
    assert!(positions[69].len() <= 3, "{}", positions[69]);
    let newest_first: Vec<_> = (0..70).rev().map(|number| number.to_string()).collect();
    assert_eq!(ana.titles().await, newest_first);
}

#[apply(each_database)]
async fn repeated_create_with_client_id_is_idempotent(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = id_at(app.now() - 60_000);
    let first = create(&ana, json!({ "id": id, "title": "Offline" })).await;
    assert_eq!(first["task"]["id"], id);
    assert_eq!(first["task"]["createdAt"], "2026-11-21T11:59:00.000Z");
    app.advance(Duration::from_secs(5));
    let again = create(&ana, json!({ "id": id, "title": "Something else" })).await;
    assert_eq!(again, first);
    assert_eq!(seqs(&app).await, [1]);
    create(&ana, json!({ "title": "Next" })).await;
    assert_eq!(seqs(&app).await, [1, 2]);
}

#[apply(each_database)]
async fn concurrent_creates_with_one_id_create_one_task(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = id_at(app.now());
    let sent: Vec<_> = (0..8)
        .map(|_| {
            let (ana, id) = (ana.clone(), id.clone());
            tokio::spawn(async move { create(&ana, json!({ "id": id, "title": "Once" })).await })
        })
        .collect();
    for payload in sent {
        let payload = payload.await.unwrap();
        assert_eq!(payload["task"]["id"], id, "{payload}");
    }
    assert_eq!(seqs(&app).await, [1]);
}

#[apply(each_database)]
async fn invalid_client_id_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ahead = id_at(app.now() + 5 * 60_000 + 1);
    let user = id_at(app.now()).replace("task_", "user_");
    let upper = id_at(app.now()).to_uppercase();
    for id in [
        ahead,
        user,
        upper,
        id_with_version(app.now(), 4),
        "task_".to_owned(),
        String::new(),
    ] {
        let payload = create(&ana, json!({ "id": id, "title": "x" })).await;
        assert_eq!(payload["userErrors"], error("INVALID", "id"), "{id}");
    }
    let just = id_at(app.now() + 5 * 60_000);
    let payload = create(&ana, json!({ "id": just, "title": "x" })).await;
    assert_eq!(payload["userErrors"], json!([]));
}

#[apply(each_database)]
async fn deleted_id_cannot_be_reused(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = id_at(app.now());
    create(&ana, json!({ "id": id, "title": "Gone" })).await;
    delete(&ana, json!({ "id": id })).await;
    let payload = create(&ana, json!({ "id": id, "title": "Back" })).await;
    assert_eq!(payload["task"], Value::Null);
    assert_eq!(payload["userErrors"], error("ALREADY_EXISTS", "id"));
    assert_eq!(seqs(&app).await, [2]);
}

#[apply(each_database)]
async fn ids_of_other_users_neither_collide_nor_leak(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let (existing, deleted) = (id_at(app.now()), id_at(app.now()));
    for id in [&existing, &deleted] {
        create(&ana, json!({ "id": id, "title": "Ana's" })).await;
    }
    delete(&ana, json!({ "id": deleted })).await;
    for id in [&existing, &deleted] {
        let payload = create(&ben, json!({ "id": id, "title": "Ben's" })).await;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["task"]["title"], "Ben's");
        assert_eq!(payload["task"]["version"], 1);
    }
    assert_eq!(ana.titles().await, ["Ana's"]);
    assert_eq!(ben.titles().await, ["Ben's", "Ben's"]);
    delete(&ben, json!({ "id": existing })).await;
    assert_eq!(task(&ana, &existing).await["title"], "Ana's");
}

#[apply(each_database)]
async fn update_changes_given_fields_and_null_clears(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("Buy milk").await;
    app.advance(Duration::from_secs(1));
    let input = json!({ "id": id, "description": "two litres", "priority": "HIGH" });
    let changed = update(&ana, input).await["task"].clone();
    assert_eq!(changed["title"], "Buy milk");
    assert_eq!(changed["description"], "two litres");
    assert_eq!(changed["priority"], "HIGH");
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["updatedAt"], "2026-11-21T12:00:01.000Z");
    let cleared = update(&ana, json!({ "id": id, "description": null })).await["task"].clone();
    assert_eq!(cleared["description"], Value::Null);
    assert_eq!(cleared["version"], 3);
    assert_eq!(task(&ana, &id).await, cleared);
}

#[apply(each_database)]
async fn null_for_a_required_field_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("Buy milk").await;
    let payload = update(&ana, json!({ "id": id, "title": null, "priority": null })).await;
    assert_eq!(
        payload["userErrors"],
        json!([
            { "code": "REQUIRED", "path": ["input", "title"] },
            { "code": "REQUIRED", "path": ["input", "priority"] },
        ])
    );
    assert_eq!(task(&ana, &id).await["version"], 1);
}

#[apply(each_database)]
async fn no_op_update_leaves_version_and_log_unchanged(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("Buy milk").await;
    let before = task(&ana, &id).await;
    app.advance(Duration::from_secs(1));
    for input in [
        json!({ "id": id }),
        json!({ "id": id, "title": " Buy milk " }),
        json!({ "id": id, "description": null, "priority": "NONE" }),
    ] {
        assert_eq!(update(&ana, input).await["task"], before);
    }
    let payload = set_completed(&ana, json!({ "id": id, "completed": false })).await;
    assert_eq!(payload["task"], before);
    assert_eq!(seqs(&app).await, [1]);
    assert_eq!(app.sql("SELECT seq FROM change_logs").await, [1]);
}

#[apply(each_database)]
async fn set_completed_is_idempotent(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("Buy milk").await;
    app.advance(Duration::from_secs(1));
    let done = set_completed(&ana, json!({ "id": id, "completed": true })).await["task"].clone();
    assert_eq!(done["completed"], true);
    assert_eq!(done["completedAt"], "2026-11-21T12:00:01.000Z");
    app.advance(Duration::from_secs(1));
    let again = set_completed(&ana, json!({ "id": id, "completed": true })).await["task"].clone();
    assert_eq!(again, done);
    let open = set_completed(&ana, json!({ "id": id, "completed": false })).await["task"].clone();
    assert_eq!(open["completedAt"], Value::Null);
    assert_eq!(open["version"], 3);
}

#[apply(each_database)]
async fn version_conflict_returns_the_stored_task(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("Buy milk").await;
    let input = json!({ "id": id, "title": "Buy oat milk", "ifVersion": 1 });
    assert_eq!(update(&ana, input).await["task"]["version"], 2);
    let stored = task(&ana, &id).await;

    let input = json!({ "id": id, "title": "Buy soy milk", "ifVersion": 1 });
    let payload = update(&ana, input).await;
    assert_eq!(payload["task"], stored);
    assert_eq!(
        payload["userErrors"],
        json!([{ "code": "VERSION_CONFLICT", "path": ["input", "ifVersion"], "currentVersion": 2 }])
    );
    let payload = set_completed(&ana, json!({ "id": id, "completed": true, "ifVersion": 3 })).await;
    assert_eq!(
        payload["userErrors"],
        error("VERSION_CONFLICT", "ifVersion")
    );
    assert_eq!(payload["task"], stored);
    let payload = delete(&ana, json!({ "id": id, "ifVersion": 1 })).await;
    assert_eq!(
        payload["userErrors"],
        error("VERSION_CONFLICT", "ifVersion")
    );
    assert_eq!(payload["deletedTaskId"], Value::Null);
    assert_eq!(task(&ana, &id).await, stored);
    let payload = delete(&ana, json!({ "id": id, "ifVersion": 2 })).await;
    assert_eq!(payload["deletedTaskId"], id);
}

#[apply(each_database)]
async fn concurrent_updates_of_one_version_apply_once(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("0").await;
    let sent: Vec<_> = (1..=8)
        .map(|number| {
            let (ana, id) = (ana.clone(), id.clone());
            tokio::spawn(async move {
                let input = json!({ "id": id, "title": number.to_string(), "ifVersion": 1 });
                update(&ana, input).await["userErrors"] == json!([])
            })
        })
        .collect();
    let mut applied = 0;
    for sent in sent {
        applied += usize::from(sent.await.unwrap());
    }
    assert_eq!(applied, 1);
    assert_eq!(task(&ana, &id).await["version"], 2);
}

#[apply(each_database)]
async fn unknown_task_cannot_be_changed_or_deleted(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let absent = id_at(app.now());
    for id in [
        absent.as_str(),
        "task_",
        "",
        "user_01h2xcejqtf2nbrexx3vqjhp41",
    ] {
        let input = json!({ "id": id, "title": "x" });
        assert_eq!(
            update(&ana, input).await["userErrors"],
            error("NOT_FOUND", "id")
        );
        let input = json!({ "id": id, "completed": true });
        assert_eq!(
            set_completed(&ana, input).await["userErrors"],
            error("NOT_FOUND", "id")
        );
        assert_eq!(
            delete(&ana, json!({ "id": id })).await["userErrors"],
            error("NOT_FOUND", "id")
        );
        assert_eq!(task(&ana, id).await, Value::Null);
    }
    assert_eq!(app.sql("SELECT count(*) FROM change_logs").await, [0]);
}

#[apply(each_database)]
async fn deleted_task_leaves_a_tombstone(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let id = ana.create_task("Buy milk").await;
    let payload = delete(&ana, json!({ "id": id })).await;
    assert_eq!(payload["deletedTaskId"], id);
    assert_eq!(payload["viewer"]["tasks"]["totalCount"], 0);
    assert_eq!(task(&ana, &id).await, Value::Null);
    assert_eq!(
        delete(&ana, json!({ "id": id })).await["userErrors"],
        error("NOT_FOUND", "id")
    );
    assert_eq!(app.sql("SELECT seq FROM tombstones").await, [2]);
    assert_eq!(
        app.sql("SELECT CAST(version AS BIGINT) FROM tombstones")
            .await,
        [2]
    );
}

#[apply(each_database)]
async fn changes_are_numbered_per_owner_without_gaps(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let work: Vec<_> = [&ana, &ben, &ana, &ben]
        .into_iter()
        .cloned()
        .map(|client| {
            tokio::spawn(async move {
                for number in 0..5 {
                    let id = client.create_task(&number.to_string()).await;
                    update(&client, json!({ "id": id, "priority": "LOW" })).await;
                    update(&client, json!({ "id": id, "priority": "LOW" })).await;
                }
            })
        })
        .collect();
    for work in work {
        work.await.unwrap();
    }
    // Each user has ten tasks with two changes; a row stores the number of its last change.
    assert_eq!(app.sql("SELECT seq FROM change_logs").await, [20, 20]);
    let held = "SELECT count(DISTINCT seq) FROM tasks GROUP BY user_id";
    assert_eq!(app.sql(held).await, [10, 10]);
}

#[apply(each_database)]
async fn change_records_its_origin_session(env: TestEnv) {
    let app = env.app().await;
    let phone = app.sign_up("ana").await;
    let laptop = app.sign_in("ana").await;
    let id = phone.create_task("Buy milk").await;
    let same = "SELECT count(*) FROM tasks t JOIN sessions s ON s.id = t.origin_session_id
        WHERE s.id = (SELECT max(id) FROM sessions)";
    // PostgreSQL 15 has no `max(uuid)`; the text of UUIDs has the same order.
    let same = if env.database == Database::Postgresql {
        same.replace(
            "s.id = (SELECT max(id)",
            "s.id::text = (SELECT max(id::text)",
        )
    } else {
        same.to_owned()
    };
    assert_eq!(app.sql(&same).await, [0]);
    update(&laptop, json!({ "id": id, "title": "Buy oat milk" })).await;
    assert_eq!(app.sql(&same).await, [1]);
}

#[tokio::test]
async fn task_at_the_end_is_one_statement_on_postgresql() {
    let Some(env) = TestEnv::new(Database::Postgresql).await else {
        return;
    };
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    ana.create_task("a transaction, before the change log exists")
        .await;
    ana.create_task("reads the end of the list").await;
    let (_, sent) = statements(ana.create_task("remembers it")).await;
    let sent: Vec<_> = sent
        .iter()
        .filter(|sql| sql.contains("\"tasks\""))
        .collect();
    let [sql] = &sent[..] else {
        panic!("{sent:#?}");
    };
    assert!(
        sql.starts_with("WITH \"log\" AS (UPDATE \"change_logs\""),
        "{sql}"
    );
    assert_eq!(
        app.sql("SELECT seq FROM tasks ORDER BY seq").await,
        [1, 2, 3]
    );
}
