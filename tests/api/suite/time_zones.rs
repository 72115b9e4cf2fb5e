//! Tests of a user with many tasks who changes their time zone: tasks with a floating due time are
//! rescheduled in batches.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::due_dates::{move_to, multiply};
use crate::harness::{App, Client, TestEnv, apply, each_database, eventually};

/// More tasks than one batch.
const TASKS: usize = 1_300;

/// The number of tasks that are rescheduled when a change stops halfway.
const RESCHEDULED: usize = 600;

/// The last millisecond of 2026-11-21 in UTC and in Tokyo, since the Unix epoch.
const IN_UTC: i64 = 1_795_305_599_999;
const IN_TOKYO: i64 = 1_795_273_199_999;

const DUE: &str = "2026-11-21";

/// Signs up a user with many tasks that are all due on [`DUE`], without a time zone.
async fn sign_up_with_tasks(app: &App, name: &str) -> Client {
    let client = app.sign_up(name).await;
    let create = "mutation ($due: DueInput) { createTask(input: { title: \"Pay the rent\", due: $due }) { task { id } } }";
    client.ask(create, json!({ "due": { "date": DUE } })).await;
    multiply(app, TASKS - 1).await;
    client
}

async fn run(app: &App, statements: &[&str]) {
    let database = app.connect().await;
    for statement in statements {
        database
            .execute_unprepared(statement)
            .await
            .expect("the statement succeeds");
    }
}

/// Puts the database into the state after a crash during a change of time zone to Tokyo, when only
/// [`RESCHEDULED`] tasks have been rescheduled.
async fn simulate_crash(app: &App) {
    let last = format!(
        "(SELECT id FROM tasks ORDER BY id LIMIT 1 OFFSET {})",
        RESCHEDULED - 1
    );
    run(
        app,
        &[
            "UPDATE users SET time_zone = 'Asia/Tokyo'",
            &format!(
                "UPDATE tasks SET due_at = {IN_TOKYO}, due_sort = {IN_TOKYO} WHERE id <= {last}"
            ),
            &format!(
                "UPDATE change_logs SET moving_session_id = (SELECT id FROM sessions), moving_after = {last}"
            ),
        ],
    )
    .await;
    assert_eq!(count(app, IN_UTC).await, TASKS - RESCHEDULED);
}

async fn count(app: &App, due_sort: i64) -> usize {
    let due =
        format!("SELECT COUNT(*) FROM tasks WHERE due_sort = {due_sort} AND due_at = due_sort");
    usize::try_from(app.sql(&due).await[0]).expect("a count")
}

async fn is_moving(app: &App) -> bool {
    let moving = "SELECT COUNT(*) FROM change_logs WHERE moving_session_id IS NOT NULL";
    app.sql(moving).await != [0]
}

/// Returns the distinct due instants on a page in order of due date.
async fn instants(client: &Client) -> BTreeSet<String> {
    let document =
        "{ viewer { tasks(first: 100, orderBy: [{ field: DUE }]) { nodes { due { at } } } } }";
    let data = client.ask(document, json!({})).await;
    let nodes = data["viewer"]["tasks"]["nodes"].as_array().unwrap();
    let at = |node: &Value| node["due"]["at"].as_str().unwrap().to_owned();
    nodes.iter().map(at).collect()
}

fn tokyo() -> BTreeSet<String> {
    BTreeSet::from(["2026-11-21T14:59:59.999Z".to_owned()])
}

/// Asserts that the change numbers of tasks are distinct, and the greatest one is the log's.
async fn assert_log_is_whole(app: &App) {
    let tasks = app.sql("SELECT COUNT(*) FROM tasks").await;
    assert_eq!(
        app.sql("SELECT COUNT(DISTINCT seq) FROM tasks").await,
        tasks
    );
    assert_eq!(
        app.sql("SELECT MAX(seq) FROM tasks").await,
        app.sql("SELECT seq FROM change_logs").await
    );
    assert_eq!(app.users_with_wrong_task_count().await, 0);
}

#[apply(each_database)]
async fn list_waits_until_all_tasks_are_rescheduled(env: TestEnv) {
    let app = env.app().await;
    let ana = sign_up_with_tasks(&app, "ana").await;
    simulate_crash(&app).await;
    assert_eq!(instants(&ana).await, tokyo());
    assert_eq!(count(&app, IN_TOKYO).await, TASKS);
    assert!(!is_moving(&app).await);
    assert_log_is_whole(&app).await;
}

#[apply(each_database)]
async fn every_task_read_waits_for_a_time_zone_change(env: TestEnv) {
    let app = env.app().await;
    let ana = sign_up_with_tasks(&app, "ana").await;
    let last = "{ viewer { tasks(first: 1) { nodes { id } } } }";
    let data = ana.ask(last, json!({})).await;
    let id = data["viewer"]["tasks"]["nodes"][0]["id"].clone();
    let at = "2026-11-21T14:59:59.999Z";
    let day = format!("due: {{ eq: \"{DUE}\" }}");
    for (read, path, expected) in [
        (
            "task(id: $id) { due { at } }".to_owned(),
            "/viewer/task/due/at",
            json!(at),
        ),
        (
            format!("tasks(filter: {{ {day} }}) {{ totalCount }}"),
            "/viewer/tasks/totalCount",
            json!(TASKS),
        ),
        (
            format!("taskCounts(filter: {{ {day} }}) {{ dueToday }}"),
            "/viewer/taskCounts/dueToday",
            json!(TASKS),
        ),
        // Tasks that are not rescheduled yet must not match.
        (
            format!("tasks(filter: {{ due: {{ gt: \"{at}\" }} }}) {{ nodes {{ id }} }}"),
            "/viewer/tasks/nodes",
            json!([]),
        ),
    ] {
        run(
            &app,
            &[
                "UPDATE users SET time_zone = 'UTC'",
                &format!("UPDATE tasks SET due_at = {IN_UTC}, due_sort = {IN_UTC}"),
            ],
        )
        .await;
        simulate_crash(&app).await;
        let declared = if read.contains("$id") {
            "($id: ID!)"
        } else {
            ""
        };
        let document = format!("query {declared} {{ viewer {{ {read} }} }}");
        let data = ana.ask(&document, json!({ "id": id })).await;
        assert_eq!(data.pointer(path), Some(&expected), "{read}");
    }
}

#[apply(each_database)]
async fn day_filters_use_the_time_zone_of_the_tasks(env: TestEnv) {
    let app = env.app().await;
    let ana = sign_up_with_tasks(&app, "ana").await;
    let query = "query ($filter: TaskFilter) { viewer { taskCounts(filter: $filter) { total } \
                 tasks(first: 1, filter: $filter) { totalCount nodes { due { date } } } } }";
    let all = json!({
        "taskCounts": { "total": TASKS },
        "tasks": { "totalCount": TASKS, "nodes": [{ "due": { "date": DUE } }] },
    });
    for zone in ["Asia/Tokyo", "Pacific/Honolulu"].repeat(10) {
        let has_moved = AtomicBool::new(false);
        let reads = std::iter::repeat_with(async || {
            while !has_moved.load(Ordering::Relaxed) {
                let filter = json!({ "due": { "eq": DUE } });
                let data = ana.ask(query, json!({ "filter": filter })).await;
                assert_eq!(data["viewer"], all);
            }
        });
        let moves = async {
            move_to(&ana, zone).await;
            has_moved.store(true, Ordering::Relaxed);
        };
        tokio::join!(join_all(reads.take(8)), moves);
    }
}

#[apply(each_database)]
async fn new_instance_finishes_a_time_zone_change(env: TestEnv) {
    let app = env.app().await;
    sign_up_with_tasks(&app, "ana").await;
    simulate_crash(&app).await;
    let other = app.env.app().await;
    eventually("the change ends", async || !is_moving(&other).await).await;
    assert_eq!(count(&app, IN_TOKYO).await, TASKS);
    assert_log_is_whole(&app).await;
}

#[apply(each_database)]
async fn tasks_changed_meanwhile_use_the_new_time_zone(env: TestEnv) {
    let app = env.app().await;
    let ana = sign_up_with_tasks(&app, "ana").await;
    let newest = "{ viewer { tasks(first: 4, orderBy: [{ field: CREATED_AT, direction: DESC }]) { nodes { id } } } }";
    let newest = ana.ask(newest, json!({})).await;
    let ids = &newest["viewer"]["tasks"]["nodes"];
    simulate_crash(&app).await;
    for (kind, input) in [
        ("updateTask", json!({ "id": ids[0]["id"], "title": "Pay" })),
        (
            "updateTask",
            json!({ "id": ids[0]["id"], "title": "Pay", "ifVersion": 1 }),
        ),
        (
            "setTaskCompleted",
            json!({ "id": ids[1]["id"], "completed": true }),
        ),
        (
            "moveTask",
            json!({ "id": ids[2]["id"], "placement": { "edge": "FIRST" } }),
        ),
        (
            "createTask",
            json!({ "title": "Pay", "due": { "date": DUE } }),
        ),
    ] {
        let name = format!("{}{}Input", kind[..1].to_uppercase(), &kind[1..]);
        let document = format!(
            "mutation ($input: {name}!) {{ {kind}(input: $input) {{ task {{ due {{ at }} }} }} }}"
        );
        let data = ana.ask(&document, json!({ "input": input })).await;
        let at = &data[kind]["task"]["due"]["at"];
        assert_eq!(at, "2026-11-21T14:59:59.999Z", "{kind}");
    }
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    ana.ask(delete, json!({ "id": ids[3]["id"] })).await;
    assert!(is_moving(&app).await);

    assert_eq!(instants(&ana).await, tokyo());
    // One task was created, and one deleted.
    assert_eq!(count(&app, IN_TOKYO).await, TASKS);
    assert_eq!(count(&app, IN_UTC).await, 0);
    assert_log_is_whole(&app).await;
}

#[apply(each_database)]
async fn overlapping_time_zone_changes_end_in_the_last(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let ana = sign_up_with_tasks(&app, "ana").await;
    let elsewhere = other.with_credentials_of(&ana);
    for zone in ["Asia/Tokyo", "America/Lima", "Europe/Vienna", "Asia/Tokyo"] {
        tokio::join!(move_to(&ana, zone), move_to(&elsewhere, zone));
    }
    assert_eq!(instants(&elsewhere).await, tokyo());
    assert_eq!(instants(&ana).await, tokyo());
    assert_eq!(count(&app, IN_TOKYO).await, TASKS);
    assert_log_is_whole(&app).await;
}

#[apply(each_database)]
async fn time_zone_change_is_atomic_for_readers(env: TestEnv) {
    let app = env.app().await;
    let other = app.env.app().await;
    let ana = sign_up_with_tasks(&app, "ana").await;
    let ben = app.sign_up("ben").await;
    let moves = async {
        for zone in ["Asia/Tokyo", "America/Lima", "Asia/Tokyo"] {
            move_to(&ana, zone).await;
        }
    };
    let writes = async {
        for number in 0..20 {
            ben.create_task(&number.to_string()).await;
            ana.create_task(&number.to_string()).await;
        }
    };
    let reads = async {
        let elsewhere = other.with_credentials_of(&ana);
        for _ in 0..10 {
            assert_eq!(instants(&ana).await.len(), 1);
            assert_eq!(instants(&elsewhere).await.len(), 1);
        }
    };
    tokio::join!(moves, writes, reads);
    assert_eq!(instants(&ana).await, tokyo());
    assert_eq!(count(&app, IN_TOKYO).await, TASKS);
    assert_eq!(app.users_with_wrong_task_count().await, 0);
}
