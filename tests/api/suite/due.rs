//! When tasks are due: days, times of day, instants, and a person who moves.

use serde_json::{Value, json};

use super::streams::LISTEN;
use crate::harness::{App, Client};

const FIELDS: &str = "id version updatedAt due { date time timeZone at isOverdue }";

async fn create(client: &Client, due: Value) -> Value {
    let document = format!(
        "mutation ($due: DueInput) {{ createTask(input: {{ title: \"Pay the rent\", due: $due }}) {{
           task {{ {FIELDS} }} userErrors {{ code path }} }} }}"
    );
    client.ask(&document, json!({ "due": due })).await["createTask"].clone()
}

async fn read(client: &Client, id: &Value) -> Value {
    let document = format!("query ($id: ID!) {{ viewer {{ task(id: $id) {{ {FIELDS} }} }} }}");
    let data = client.ask(&document, json!({ "id": id })).await;
    data["viewer"]["task"].clone()
}

async fn update(client: &Client, input: Value) -> Value {
    let document = format!(
        "mutation ($input: UpdateTaskInput!) {{ updateTask(input: $input) {{
           task {{ {FIELDS} }} userErrors {{ code path }} }} }}"
    );
    client.ask(&document, json!({ "input": input })).await["updateTask"].clone()
}

pub(super) async fn move_to(client: &Client, zone: &str) {
    let payload = client
        .ask(
            "mutation ($zone: TimeZone!) { updateProfile(input: { timeZone: $zone }) {
               user { timeZone } userErrors { code } } }",
            json!({ "zone": zone }),
        )
        .await;
    assert_eq!(payload["updateProfile"]["user"]["timeZone"], zone);
}

/// It is 2026-11-21T12:00:00Z.
#[tokio::test]
async fn a_task_is_due_on_a_day_at_a_time_of_day_or_at_one_instant() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    move_to(&ana, "America/New_York").await;
    for (due, at, is_overdue) in [
        (
            json!({ "date": "2026-11-20" }),
            "2026-11-21T04:59:59.999Z",
            true,
        ),
        (
            json!({ "date": "2026-11-21" }),
            "2026-11-22T04:59:59.999Z",
            false,
        ),
        (
            json!({ "date": "2026-11-21", "time": "07:00:00" }),
            "2026-11-21T12:00:00.000Z",
            false,
        ),
        (
            json!({ "date": "2026-11-21", "time": "06:59:59" }),
            "2026-11-21T11:59:59.000Z",
            true,
        ),
        (
            json!({ "date": "2026-11-21", "time": "07:00:00", "timeZone": "Europe/Vienna" }),
            "2026-11-21T06:00:00.000Z",
            true,
        ),
    ] {
        let created = create(&ana, due.clone()).await;
        assert_eq!(created["userErrors"], json!([]));
        let task = &created["task"];
        let expected = json!({
            "date": due["date"], "time": due["time"], "timeZone": due["timeZone"],
            "at": at, "isOverdue": is_overdue,
        });
        assert_eq!(task["due"], expected);
        assert_eq!(read(&ana, &task["id"]).await, *task);

        let done = ana
            .ask(
                "mutation ($id: ID!) { setTaskCompleted(input: { id: $id, completed: true }) {
                   task { due { isOverdue } } } }",
                json!({ "id": task["id"] }),
            )
            .await;
        assert_eq!(
            done["setTaskCompleted"]["task"]["due"]["isOverdue"],
            json!(false)
        );
    }
    assert_eq!(create(&ana, Value::Null).await["task"]["due"], Value::Null);
}

#[tokio::test]
async fn a_due_date_is_changed_and_cleared_and_what_is_the_same_is_no_change() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let task = create(&ana, json!({ "date": "2026-12-24", "time": "18:00" })).await["task"].clone();
    let same = json!({ "id": task["id"], "due": { "date": "2026-12-24", "time": "18:00:00" } });
    assert_eq!(update(&ana, same).await["task"]["version"], 1);
    let day = json!({ "id": task["id"], "due": { "date": "2026-12-24" } });
    let changed = update(&ana, day).await["task"].clone();
    assert_eq!(
        (&changed["version"], &changed["due"]["time"]),
        (&json!(2), &Value::Null)
    );
    let other = json!({ "id": task["id"], "ifVersion": 2 });
    assert_eq!(update(&ana, other).await["task"], changed);
    let cleared = update(&ana, json!({ "id": task["id"], "due": null })).await["task"].clone();
    assert_eq!(
        (&cleared["version"], &cleared["due"]),
        (&json!(3), &Value::Null)
    );
    assert_eq!(read(&ana, &task["id"]).await, cleared);
}

#[tokio::test]
async fn a_time_zone_without_a_time_is_refused_and_so_is_what_is_no_date() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let payload = create(&ana, json!({ "date": "2026-12-24", "timeZone": "UTC" })).await;
    assert_eq!(payload["task"], Value::Null);
    assert_eq!(
        payload["userErrors"],
        json!([{ "code": "INVALID", "path": ["input", "due"] }])
    );
    let document = "mutation ($due: DueInput) {
        createTask(input: { title: \"x\", due: $due }) { task { id } } }";
    for due in [
        json!({ "date": "2026-02-30" }),
        json!({ "date": "tomorrow" }),
        json!({ "date": "9999-01-01" }),
        json!({ "date": "2026-12-24", "time": "25:00" }),
        json!({ "date": "2026-12-24", "time": "18:00", "timeZone": "Mars/Base" }),
        json!({ "time": "18:00" }),
    ] {
        let reply = ana.send(document, json!({ "due": due })).await;
        assert_eq!(reply.code(), "BAD_USER_INPUT", "{due}");
    }
}

/// What floats follows a person who moves; nobody changed it, but whoever listens hears of it.
#[tokio::test]
async fn what_is_due_without_a_time_zone_follows_its_owner() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let day = create(&ana, json!({ "date": "2026-11-21" })).await["task"].clone();
    let time = create(&ana, json!({ "date": "2026-11-21", "time": "13:00" })).await["task"].clone();
    let fixed = json!({ "date": "2026-11-21", "time": "13:00", "timeZone": "UTC" });
    let fixed = create(&ana, fixed).await["task"].clone();
    let never = create(&ana, Value::Null).await["task"].clone();
    let of_ben = create(&ben, json!({ "date": "2026-11-21" })).await["task"].clone();
    let mut listening = ana.listen(LISTEN).await;
    app.pass(std::time::Duration::from_secs(60));

    move_to(&ana, "Asia/Tokyo").await;
    let moved = async |task: &Value, at: &str, is_overdue: bool| {
        let now = read(&ana, &task["id"]).await;
        let mut expected = task.clone();
        expected["due"]["at"] = json!(at);
        expected["due"]["isOverdue"] = json!(is_overdue);
        assert_eq!(now, expected);
    };
    moved(&day, "2026-11-21T14:59:59.999Z", false).await;
    moved(&time, "2026-11-21T04:00:00.000Z", true).await;
    for same in [&fixed, &never] {
        assert_eq!(read(&ana, &same["id"]).await, *same);
    }
    assert_eq!(read(&ben, &of_ben["id"]).await, of_ben);
    for task in [&day, &time] {
        let told = listening.next().await.unwrap();
        let change = &told["data"]["taskChanges"];
        assert_eq!(change["nodeId"], task["id"], "{told}");
        assert_eq!(change["version"], 1);
    }

    // There are no gaps in the log, and what is made next is due where she is.
    let seqs = "SELECT seq FROM tasks WHERE due_date IS NOT NULL AND due_time_zone IS NULL
        ORDER BY seq DESC LIMIT 2";
    assert_eq!(app.sql(seqs).await, [6, 5]);
    let next = create(&ana, json!({ "date": "2026-11-22" })).await["task"].clone();
    assert_eq!(next["due"]["at"], "2026-11-22T14:59:59.999Z");
    move_to(&ana, "Asia/Tokyo").await;
    assert_eq!(read(&ana, &next["id"]).await, next);
}

/// Many more than one statement writes.
#[tokio::test]
async fn a_thousand_due_dates_follow_at_once() {
    let app = app!();
    let ana = app.sign_up("ana").await;
    create(&ana, json!({ "date": "2026-11-21" })).await;
    multiply(&app, 1_200).await;
    move_to(&ana, "Asia/Tokyo").await;
    let moved = "SELECT COUNT(*) FROM tasks WHERE due_at = 1795273199999 AND due_key = due_at";
    assert_eq!(app.sql(moved).await, [1_201]);
    let seqs = "SELECT COUNT(DISTINCT seq) FROM tasks WHERE seq BETWEEN 1201 AND 2402";
    assert_eq!(app.sql(seqs).await[0], 1_201);
    let last = "SELECT seq FROM task_logs";
    assert_eq!(
        app.sql(last).await,
        app.sql("SELECT MAX(seq) FROM tasks").await
    );
}

/// Copies of the one task that there is.
async fn multiply(app: &App, count: usize) {
    use sea_orm::{ConnectionTrait, DatabaseBackend};

    let database = app.connect().await;
    let is_sqlite = database.get_database_backend() == DatabaseBackend::Sqlite;
    let numbers = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    );
    let id = if is_sqlite {
        "randomblob(16)"
    } else {
        "gen_random_uuid()"
    };
    let copy = format!(
        "INSERT INTO tasks (user_id, id, version, seq, title, title_key, priority, due_date, due_at,
           due_key, position, updated_at)
         {numbers} SELECT user_id, {id}, version, n.i + 1, title, title_key, priority, due_date,
           due_at, due_key, position, updated_at FROM tasks, n"
    );
    database.execute_unprepared(&copy).await.unwrap();
    let last = format!("UPDATE task_logs SET seq = {count} + 1");
    database.execute_unprepared(&last).await.unwrap();
}
