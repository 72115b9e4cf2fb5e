//! Due dates: dates, local times, instants, and changes of the owner's time zone.

use jiff::{Timestamp, ToSpan, Zoned, civil, tz::TimeZone};
use proptest::{
    collection::vec, option, prelude::*, sample::select, strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::{Value, json};

use super::{list_model::shown, streams::TASK_CHANGES};
use crate::harness::{App, Client, TestEnv, apply, each_database};

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

async fn count_due_on(client: &Client, date: &str) -> i64 {
    let document = "query ($date: DateOrDuration) { viewer { taskCounts(filter: { due: { eq: $date } }) { total } } }";
    let data = client.ask(document, json!({ "date": date })).await;
    data["viewer"]["taskCounts"]["total"].as_i64().unwrap()
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

/// The test's clock is at 2026-11-21T12:00:00Z, 07:00 in New York.
#[apply(each_database)]
async fn task_is_due_on_date_at_local_time_or_at_instant(env: TestEnv) {
    let app = env.app().await;
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

#[apply(each_database)]
async fn due_changes_bump_version_and_equal_due_does_not(env: TestEnv) {
    let app = env.app().await;
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

#[apply(each_database)]
async fn invalid_due_dates_are_rejected(env: TestEnv) {
    let app = env.app().await;
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

/// A floating due time follows its owner's time zone. Versions stay the same, but subscribers
/// receive the changes.
#[apply(each_database)]
async fn floating_due_follows_time_zone_of_owner(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let day = create(&ana, json!({ "date": "2026-11-21" })).await["task"].clone();
    let time = create(&ana, json!({ "date": "2026-11-21", "time": "13:00" })).await["task"].clone();
    let fixed = json!({ "date": "2026-11-21", "time": "13:00", "timeZone": "UTC" });
    let fixed = create(&ana, fixed).await["task"].clone();
    let never = create(&ana, Value::Null).await["task"].clone();
    let bens_task = create(&ben, json!({ "date": "2026-11-21" })).await["task"].clone();
    let mut listener = ana.listen(TASK_CHANGES).await;
    app.advance(std::time::Duration::from_secs(60));

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
    assert_eq!(read(&ben, &bens_task["id"]).await, bens_task);
    for task in [&day, &time] {
        let event = listener.next().await.unwrap();
        let change = &event["data"]["taskChanges"];
        assert_eq!(change["nodeId"], task["id"], "{event}");
        assert_eq!(change["version"], 1);
    }

    // The change numbers have no gaps, and a new task is due in the new time zone.
    let seqs = "SELECT seq FROM tasks WHERE due_date IS NOT NULL AND due_time_zone IS NULL
        ORDER BY seq DESC LIMIT 2";
    assert_eq!(app.sql(seqs).await, [6, 5]);
    let next = create(&ana, json!({ "date": "2026-11-22" })).await["task"].clone();
    assert_eq!(next["due"]["at"], "2026-11-22T14:59:59.999Z");
    move_to(&ana, "Asia/Tokyo").await;
    assert_eq!(read(&ana, &next["id"]).await, next);
}

/// The number of tasks takes several update statements.
#[apply(each_database)]
async fn time_zone_change_reschedules_1200_tasks(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    create(&ana, json!({ "date": "2026-11-21" })).await;
    multiply(&app, 1_200).await;
    move_to(&ana, "Asia/Tokyo").await;
    // A list waits until all due times are rescheduled.
    assert_eq!(count_due_on(&ana, "2026-11-21").await, 1_201);
    let moved = "SELECT COUNT(*) FROM tasks WHERE due_at = 1795273199999 AND due_sort = due_at";
    assert_eq!(app.sql(moved).await, [1_201]);
    let seqs = "SELECT COUNT(DISTINCT seq) FROM tasks WHERE seq BETWEEN 1201 AND 2402";
    assert_eq!(app.sql(seqs).await[0], 1_201);
    let last = "SELECT seq FROM change_logs";
    assert_eq!(
        app.sql(last).await,
        app.sql("SELECT MAX(seq) FROM tasks").await
    );
}

const RENAME: &str =
    "mutation ($id: ID!, $title: String!) { updateTask(input: { id: $id, title: $title }) {
    task { title } userErrors { code } } }";

/// An unreadable stored value gives an internal error, never a different due date.
#[apply(each_database)]
async fn unreadable_stored_due_is_an_internal_error(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let due = json!({ "date": "2026-12-24", "time": "18:00", "timeZone": "Europe/Vienna" });
    let id = create(&ana, due.clone()).await["task"]["id"].clone();
    let query =
        "query ($id: ID!) { viewer { task(id: $id) { title due { date time timeZone } } } }";
    for (column, value) in [
        ("due_date", "'tomorrow'"),
        ("due_date", "'2026-02-30'"),
        ("due_date", "NULL"),
        ("due_time", "'25:00:00'"),
        ("due_time", "''"),
        ("due_time", "NULL"),
        ("due_time_zone", "'Mars/Base'"),
        ("due_time_zone", "''"),
        ("due_at", "NULL"),
    ] {
        execute(&app, &format!("UPDATE tasks SET {column} = {value}")).await;
        let reply = ana.send(query, json!({ "id": id })).await;
        assert_eq!(reply.code(), "INTERNAL_SERVER_ERROR", "{column} {value}");
        let task = &reply.body["data"]["viewer"]["task"];
        assert_eq!(task["due"], Value::Null, "{column} {value}");
        assert_eq!(task["title"], "Pay the rent");

        // Updates of other fields succeed.
        for title in ["Pay it", "Pay the rent"] {
            let rename = json!({ "id": id, "title": title });
            let renamed = ana.ask(RENAME, rename).await;
            assert_eq!(renamed["updateTask"]["task"]["title"], title);
        }

        // Setting the due date again repairs the row.
        let again = update(&ana, json!({ "id": id, "due": due })).await;
        assert_eq!(again["userErrors"], json!([]));
        assert_eq!(
            again["task"]["due"]["timeZone"], "Europe/Vienna",
            "{column} {value}"
        );
    }
}

#[apply(each_database)]
async fn unreadable_stored_time_zone_is_an_internal_error(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let floating = json!({ "date": "2026-12-24" });
    let id = create(&ana, floating.clone()).await["task"]["id"].clone();
    execute(&app, "UPDATE users SET time_zone = 'Mars/Base'").await;
    for query in [
        "{ viewer { timeZone } }",
        "{ viewer { taskCounts { dueToday } } }",
        "{ viewer { tasks(filter: { due: { eq: \"P0D\" } }) { nodes { id } } } }",
        "mutation { createTask(input: { title: \"x\", due: { date: \"2026-12-24\" } }) { task { id } } }",
    ] {
        let reply = ana.send(query, json!({})).await;
        assert_eq!(reply.code(), "INTERNAL_SERVER_ERROR", "{query}");
    }
    move_to(&ana, "Asia/Tokyo").await;
    assert_eq!(
        read(&ana, &id).await["due"]["at"],
        "2026-12-24T14:59:59.999Z"
    );
}

async fn execute(app: &App, statement: &str) {
    use sea_orm::ConnectionTrait;

    let database = app.connect().await;
    database.execute_unprepared(statement).await.unwrap();
}

/// Adds copies of the only task.
pub(super) async fn multiply(app: &App, count: usize) {
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
        "INSERT INTO tasks (user_id, id, version, seq, title, title_folded, priority, due_date, due_at,
           due_sort, position, updated_at)
         {numbers} SELECT user_id, {id}, version, n.i + 1, title, title_folded, priority, due_date,
           due_at, due_sort, position, updated_at FROM tasks, n"
    );
    database.execute_unprepared(&copy).await.unwrap();
    let last = format!("UPDATE change_logs SET seq = {count} + 1, task_count = {count} + 1");
    database.execute_unprepared(&last).await.unwrap();
}

/// Returns the instant `offset` milliseconds after the zone's next clock change. If the zone has no
/// further clock change, the offset is added to `from`.
fn near_clock_change(zone: &TimeZone, from: Timestamp, offset: i64) -> Timestamp {
    let change = zone.following(from).next();
    let around = change.map_or(from, |change| change.timestamp());
    around + offset.milliseconds()
}

/// Computes when a task is due, independently of the server. A date without a time is due in its
/// last millisecond.
fn expected_instant(due: &Value, viewer_zone: &TimeZone) -> Zoned {
    let date: civil::Date = due["date"].as_str().unwrap().parse().unwrap();
    let zone = due["timeZone"].as_str();
    let zone = zone.map_or(viewer_zone.clone(), |name| TimeZone::get(name).unwrap());
    match due["time"].as_str() {
        Some(time) => {
            let time: civil::Time = time.parse().unwrap();
            date.to_datetime(time).to_zoned(zone).unwrap()
        }
        None => {
            let next = date.tomorrow().unwrap().to_zoned(zone).unwrap();
            next.saturating_sub(1.millisecond())
        }
    }
}

#[apply(each_database)]
async fn due_overdue_and_counts_agree_in_every_time_zone(env: TestEnv) {
    const CASES: usize = 40;
    const TASKS: usize = 6;

    let app = env.app().await;
    let mut ana = app.sign_up("ana").await;
    let mut ids = Vec::new();
    for _ in 0..TASKS {
        ids.push(create(&ana, Value::Null).await["task"]["id"].clone());
    }
    let zones: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    assert!(zones.len() > 400, "{}", zones.len());
    let mut runner = TestRunner::deterministic();
    let offsets = prop_oneof![
        Just(0_i64),
        Just(-1),
        Just(1),
        -7_200_000_i64..7_200_000,
        -86_400_000_i64..86_400_000,
    ];
    // For each task an offset from now in days and, optionally, in half hours and in a time zone.
    let dues = vec(
        option::of((
            -1_i64..2,
            option::of((-6_i64..7, option::of(select(zones.clone())))),
        )),
        TASKS,
    );
    let cases = (select(zones), 0_i64..3_650, offsets, dues, any::<bool>());
    let (mut overdue, mut today) = (0, 0);
    for _ in 0..CASES {
        let (name, days, offset, dues, completes) = cases.new_tree(&mut runner).unwrap().current();
        let zone = TimeZone::get(&name).unwrap();
        // Later than the clock at the start of the test, when the tasks were created.
        let begin: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let now = near_clock_change(&zone, begin + (days * 24).hours(), offset);
        app.move_to(now.as_millisecond());
        ana = app.sign_in("ana").await;
        let here = now.to_zoned(zone.clone());
        for (id, due) in ids.iter().zip(&dues) {
            let due = due.as_ref().map(|(days, time)| {
                let date = here.date().checked_add(days.days()).unwrap();
                let time = time.as_ref().map(|(halves, zone)| {
                    let time = here.time().with().subsec_nanosecond(0).build().unwrap();
                    (time.wrapping_add((halves * 30).minutes()).to_string(), zone)
                });
                let zone = time.as_ref().and_then(|(_, zone)| zone.as_ref());
                json!({ "date": date.to_string(), "time": time.as_ref().map(|it| &it.0), "timeZone": zone })
            });
            let input = json!({ "id": id, "due": due });
            assert_eq!(update(&ana, input).await["userErrors"], json!([]));
        }
        move_to(&ana, &name).await;
        let complete = "mutation ($id: ID!, $completed: Boolean!) {
            setTaskCompleted(input: { id: $id, completed: $completed }) { userErrors { code } } }";
        let first = json!({ "id": ids[0], "completed": completes });
        ana.ask(complete, first).await;

        let query =
            "{ viewer { tasks { nodes { id completed due { date time timeZone at isOverdue } } }
            taskCounts { overdue dueToday }
            late: tasks(filter: { overdue: true }) { nodes { id } }
            day: tasks(filter: { completed: false, due: { eq: \"P0D\" } }) { nodes { id } } } }";
        let viewer = ana.ask(query, json!({})).await["viewer"].clone();
        let by = format!("{here} {viewer}");
        let (mut late, mut day) = (Vec::new(), Vec::new());
        for task in viewer["tasks"]["nodes"].as_array().unwrap() {
            let due = &task["due"];
            if due.is_null() {
                continue;
            }
            let at = expected_instant(due, &zone);
            assert_eq!(due["at"], shown(&at), "{by}");
            let is_open = task["completed"] == json!(false);
            let is_overdue = is_open && at.timestamp() < now;
            assert_eq!(due["isOverdue"], json!(is_overdue), "{by}");
            let id = json!({ "id": task["id"] });
            if is_overdue {
                late.push(id.clone());
            }
            if is_open && at.with_time_zone(zone.clone()).date() == here.date() {
                day.push(id);
            }
        }
        assert_eq!(viewer["taskCounts"]["overdue"], late.len(), "{by}");
        assert_eq!(viewer["taskCounts"]["dueToday"], day.len(), "{by}");
        assert_eq!(viewer["late"]["nodes"], json!(late), "{by}");
        assert_eq!(viewer["day"]["nodes"], json!(day), "{by}");
        overdue += late.len();
        today += day.len();
    }
    // The cases include overdue tasks and tasks that are due today.
    assert!(
        overdue > CASES / 4 && today > CASES / 4,
        "{overdue} {today}"
    );
}
