//! Runs random operations of several users, and compares the results with the reference model.

use std::time::Duration;

use jiff::{Timestamp, civil};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};

use super::due_dates::move_to;
use super::list_model::{PRIORITIES, asked, expected, walk};
use super::reference_model::{Changes, Due, Ids, Operation, Owned, Place, written, zone};
use crate::harness::{App, Client, Database, TestEnv, apply, each_database};

const USERS: [&str; 3] = ["ana", "ben", "cem"];

/// The number of task ids that operations choose from; few, so that operations share tasks.
const IDS: usize = 6;

/// The number of runs, and the maximum number of operations in each.
const CASES: u32 = 16;
const OPERATIONS: usize = 50;

/// Time zones with different transitions, some of them near the due dates of the tasks.
const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
];

const FIELDS: &str = "id version title description priority completedAt createdAt updatedAt
    due { date time timeZone at isOverdue }";

fn due() -> impl Strategy<Value = Due> {
    let dates = select(vec![
        civil::date(2026, 11, 20),
        civil::date(2026, 11, 21),
        civil::date(2026, 11, 22),
        // Days with time zone transitions.
        civil::date(2027, 3, 14),
        civil::date(2027, 3, 28),
        civil::date(2027, 4, 30),
        civil::date(2027, 10, 31),
    ]);
    let times = select(vec![
        civil::time(0, 0, 0, 0),
        civil::time(0, 30, 0, 0),
        civil::time(1, 30, 0, 0),
        civil::time(2, 30, 0, 0),
        civil::time(13, 0, 0, 0),
        civil::time(23, 59, 59, 0),
    ]);
    let time = option::of((times, option::of(select(ZONES.to_vec()))));
    (dates, time).prop_map(|(date, time)| Due {
        date,
        time: time.map(|(time, _)| time),
        zone: time.and_then(|(_, zone)| zone),
    })
}

fn operation() -> impl Strategy<Value = (usize, Operation)> {
    let id = 0..IDS;
    let title = prop_oneof!["[a-zéÉA-C]{1,8}", Just("O'Hara; -- %_\"\\".to_owned())];
    let description = option::of(option::of("[a-z]{0,5}"));
    let version = option::of(1..4);
    let priority = select(PRIORITIES.to_vec());
    let place = prop_oneof![
        Just(Place::First),
        Just(Place::Last),
        id.clone().prop_map(Place::Before),
        id.clone().prop_map(Place::After),
    ];
    let changes = (
        option::of(title.clone()),
        description,
        option::of(priority.clone()),
        option::of(option::of(due())),
    )
        .prop_map(|(title, description, priority, due)| Changes {
            title,
            description,
            priority,
            due,
        });
    let names = (0..IDS).map(|id| json!(placeholder(id))).collect();
    let waits = prop_oneof![0_i64..30, 600_i64..3_000, 100_000_i64..250_000];
    let operation = prop_oneof![
        5 => (id.clone(), title, priority, option::of(due()), option::of(place.clone())).prop_map(
            |(id, title, priority, due, place)| Operation::Create { id, title, priority, due, place }),
        3 => (id.clone(), changes, version.clone()).prop_map(
            |(id, changes, if_version)| Operation::Update { id, changes, if_version }),
        2 => (id.clone(), any::<bool>(), version.clone()).prop_map(
            |(id, completed, if_version)| Operation::Complete { id, completed, if_version }),
        2 => (id.clone(), place, version.clone()).prop_map(
            |(id, place, if_version)| Operation::Move { id, place, if_version }),
        1 => (id.clone(), version).prop_map(|(id, if_version)| Operation::Delete { id, if_version }),
        1 => id.prop_map(|id| Operation::Look { id }),
        3 => asked(names).prop_map(Operation::List),
        1 => select(ZONES.to_vec()).prop_map(Operation::MoveTo),
        1 => waits.prop_map(Operation::Wait),
    ];
    (0..USERS.len(), operation)
}

/// Returns the text that stands for an id in generated filters.
fn placeholder(id: usize) -> String {
    format!("the id {id}")
}

/// Returns the filter with each placeholder replaced by its id.
fn with_ids(filter: &Value, ids: &[String]) -> Value {
    let mut text = filter.to_string();
    for (number, id) in ids.iter().enumerate() {
        text = text.replace(&placeholder(number), id);
    }
    serde_json::from_str(&text).expect("the filter is still JSON")
}

impl Ids {
    /// Makes ids that all users share: equal ids of different owners are different tasks.
    async fn mint(app: &App) -> Self {
        let minter = app.sign_up("minter").await;
        let mut texts = Vec::new();
        for _ in 0..IDS {
            texts.push(minter.create_task("minted").await);
        }
        Self {
            texts,
            made_at: written(now(app)),
        }
    }
}

fn now(app: &App) -> Timestamp {
    Timestamp::from_millisecond(app.now()).expect("a moment")
}

/// Sends an operation on one task, and returns the task and the error code of the response.
async fn perform(
    client: &Client,
    ids: &Ids,
    operation: &Operation,
) -> (Option<Value>, Option<String>) {
    let placed = |place: &Place| match place {
        Place::First => json!({ "edge": "FIRST" }),
        Place::Last => json!({ "edge": "LAST" }),
        Place::Before(id) => json!({ "before": ids.texts[*id] }),
        Place::After(id) => json!({ "after": ids.texts[*id] }),
    };
    let (field, kind, id, mut input) = match operation {
        Operation::Create {
            id,
            title,
            priority,
            due,
            place,
        } => {
            let due = due.as_ref().map(Due::input);
            let place = place.as_ref().map(placed);
            let input =
                json!({ "title": title, "priority": priority, "due": due, "placement": place });
            ("createTask", "CreateTaskInput", id, input)
        }
        Operation::Update {
            id,
            changes,
            if_version,
        } => {
            let mut input = json!({ "ifVersion": if_version });
            if let Some(title) = &changes.title {
                input["title"] = json!(title);
            }
            if let Some(description) = &changes.description {
                input["description"] = json!(description);
            }
            if let Some(priority) = &changes.priority {
                input["priority"] = json!(priority);
            }
            if let Some(due) = &changes.due {
                input["due"] = json!(due.as_ref().map(Due::input));
            }
            ("updateTask", "UpdateTaskInput", id, input)
        }
        Operation::Complete {
            id,
            completed,
            if_version,
        } => {
            let input = json!({ "completed": completed, "ifVersion": if_version });
            ("setTaskCompleted", "SetTaskCompletedInput", id, input)
        }
        Operation::Move {
            id,
            place,
            if_version,
        } => {
            let input = json!({ "placement": placed(place), "ifVersion": if_version });
            ("moveTask", "MoveTaskInput", id, input)
        }
        Operation::Delete { id, if_version } => {
            let input = json!({ "ifVersion": if_version });
            ("deleteTask", "DeleteTaskInput", id, input)
        }
        Operation::Look { id } => {
            let query = format!("query ($id: ID!) {{ viewer {{ task(id: $id) {{ {FIELDS} }} }} }}");
            let data = client.ask(&query, json!({ "id": ids.texts[*id] })).await;
            return (non_null(&data["viewer"]["task"]), None);
        }
        Operation::List(_) | Operation::MoveTo(_) | Operation::Wait(_) => return (None, None),
    };
    input["id"] = json!(ids.texts[*id]);
    let shows = if field == "deleteTask" {
        "deletedTaskId".to_owned()
    } else {
        format!("task {{ {FIELDS} }}")
    };
    let query = format!(
        "mutation ($input: {kind}!) {{ {field}(input: $input) {{ {shows} userErrors {{ code }} }} }}"
    );
    let payload = client.ask(&query, json!({ "input": input })).await[field].clone();
    let code = payload["userErrors"][0]["code"].as_str().map(str::to_owned);
    (non_null(&payload["task"]), code)
}

fn non_null(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
}

async fn run(app: &App, operations: &[(usize, Operation)]) -> Result<(), TestCaseError> {
    let ids = Ids::mint(app).await;
    let mut clients = Vec::new();
    for name in USERS {
        clients.push(app.sign_up(name).await);
    }
    let mut model = vec![Owned::new(); USERS.len()];
    for (person, operation) in operations {
        app.advance(Duration::from_millis(1));
        if let Operation::Wait(minutes) = operation {
            app.advance(Duration::from_mins(minutes.unsigned_abs()));
            for client in &mut clients {
                *client = app.sign_in(&client.name).await;
            }
        }
        let (client, owned) = (&clients[*person], &mut model[*person]);
        let (task, code) = owned.apply(operation, now(app));
        let here = now(app).to_zoned(zone(owned.home));
        let by = format!("{operation:?} by {}, {here}", client.name);
        let seen = perform(client, &ids, operation).await;
        prop_assert_eq!(seen.1.as_deref(), code, "{}", by);
        let shown = task.map(|task| task.shown(&ids, &here));
        prop_assert_eq!(seen.0, shown, "{}", by);
        match operation {
            Operation::MoveTo(home) => move_to(client, home).await,
            Operation::List(asked) => {
                let asked = (
                    with_ids(&asked.0, &ids.texts),
                    asked.1.clone(),
                    asked.2,
                    asked.3,
                );
                let expected = expected(&owned.shown(&ids, &here), &asked, &here);
                prop_assert_eq!(walk(client, &asked).await, expected, "{}", by);
            }
            _ => {}
        }
    }
    for (client, owned) in clients.iter().zip(&model) {
        let here = now(app).to_zoned(zone(owned.home));
        let query = format!(
            "{{ viewer {{ tasks(first: 100, orderBy: [{{ field: POSITION }}]) {{ totalCount nodes {{
               {FIELDS} }} }} }} }}"
        );
        let data = client.ask(&query, json!({})).await;
        let all: Vec<_> = owned
            .tasks
            .iter()
            .map(|task| task.shown(&ids, &here))
            .collect();
        let tasks = &data["viewer"]["tasks"];
        prop_assert_eq!(&tasks["nodes"], &json!(all), "of {}", &client.name);
        prop_assert_eq!(&tasks["totalCount"], all.len());
    }
    let mut changes: Vec<_> = model
        .iter()
        .map(|owned| owned.changes)
        .filter(|n| *n > 0)
        .collect();
    changes.push(i64::try_from(IDS).expect("few"));
    changes.sort_unstable();
    let counted = app
        .sql("SELECT seq FROM change_logs WHERE seq > 0 ORDER BY seq")
        .await;
    prop_assert_eq!(counted, changes);
    prop_assert_eq!(app.users_with_wrong_task_count().await, 0);
    Ok(())
}

#[apply(each_database)]
fn random_operations_match_the_reference_model(database: Database) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&vec(operation(), 1..OPERATIONS), |operations| {
        runtime.block_on(async {
            match TestEnv::new(database).await {
                Some(env) => run(&env.app().await, &operations).await,
                None => Ok(()),
            }
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
