//! Random operations by several people, against a model: a vector of tasks a person.

use std::{collections::BTreeSet, time::Duration};

use jiff::{Timestamp, ToSpan, Zoned, civil, tz::TimeZone};
use proptest::{collection::vec, option, prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};

use super::due::move_to;
use super::listing::{Asked, PRIORITIES, asked, expected, shown, walk};
use crate::harness::{App, Client};

const PEOPLE: [&str; 3] = ["ana", "ben", "cem"];

/// How many different ids the operations draw from, so that they meet.
const IDS: usize = 6;

/// How many runs there are, and the most operations in each.
const RUNS: u32 = 16;
const OPERATIONS: usize = 50;

/// Clocks change in them around the days that tasks are due, and at other hours in each.
const ZONES: [&str; 5] = [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
];

const FIELDS: &str = "id version title description priority completedAt createdAt updatedAt
    due { date time timeZone at isOverdue }";

#[derive(Clone, Debug)]
enum Operation {
    Create {
        id: usize,
        title: String,
        priority: &'static str,
        due: Option<Due>,
        place: Option<Place>,
    },
    Update {
        id: usize,
        changes: Changes,
        if_version: Option<i32>,
    },
    Complete {
        id: usize,
        completed: bool,
        if_version: Option<i32>,
    },
    Move {
        id: usize,
        place: Place,
        if_version: Option<i32>,
    },
    Delete {
        id: usize,
        if_version: Option<i32>,
    },
    Look {
        id: usize,
    },
    List(Asked),
    MoveTo(&'static str),
    /// So many minutes go by.
    Wait(i64),
}

/// Nothing is unchanged, an inner nothing clears.
#[derive(Clone, Debug)]
struct Changes {
    title: Option<String>,
    description: Option<Option<String>>,
    priority: Option<&'static str>,
    due: Option<Option<Due>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Due {
    date: civil::Date,
    time: Option<civil::Time>,
    zone: Option<&'static str>,
}

/// A place in the manual order.
#[derive(Clone, Copy, Debug)]
enum Place {
    First,
    Last,
    Before(usize),
    After(usize),
}

fn due() -> impl Strategy<Value = Due> {
    let dates = select(vec![
        civil::date(2026, 11, 20),
        civil::date(2026, 11, 21),
        civil::date(2026, 11, 22),
        // Where clocks change.
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
    (0..PEOPLE.len(), operation)
}

/// What stands for an id until it is known.
fn placeholder(id: usize) -> String {
    format!("the id {id}")
}

/// The same filter with the ids in their places.
fn with_ids(filter: &Value, ids: &[String]) -> Value {
    let mut text = filter.to_string();
    for (number, id) in ids.iter().enumerate() {
        text = text.replace(&placeholder(number), id);
    }
    serde_json::from_str(&text).expect("it stays JSON")
}

#[derive(Clone, Debug, PartialEq)]
struct Task {
    id: usize,
    title: String,
    description: Option<String>,
    priority: &'static str,
    due: Option<Due>,
    completed_at: Option<Timestamp>,
    updated_at: Timestamp,
    version: i32,
}

impl Due {
    /// In this zone, where it has none of its own; of a whole day its last millisecond.
    fn at(&self, home: &TimeZone) -> Zoned {
        let zone = self.zone.map_or(home.clone(), zone);
        match self.time {
            Some(time) => self.date.to_datetime(time).to_zoned(zone).unwrap(),
            None => {
                let next = self.date.tomorrow().unwrap().to_zoned(zone).unwrap();
                next.saturating_sub(1.millisecond())
            }
        }
    }

    fn input(&self) -> Value {
        let time = self.time.map(|time| time.to_string());
        json!({ "date": self.date.to_string(), "time": time, "timeZone": self.zone })
    }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("it is known")
}

fn written(moment: Timestamp) -> String {
    shown(&moment.to_zoned(TimeZone::UTC))
}

impl Task {
    fn shown(&self, ids: &Ids, now: &Zoned) -> Value {
        let due = self.due.as_ref().map(|due| {
            let at = shown(&due.at(now.time_zone()));
            let mut shown_due = due.input();
            shown_due["isOverdue"] = json!(self.completed_at.is_none() && at < shown(now));
            shown_due["at"] = json!(at);
            shown_due
        });
        json!({
            "id": ids.texts[self.id],
            "version": self.version,
            "title": self.title,
            "description": self.description,
            "priority": self.priority,
            "completedAt": self.completed_at.map(written),
            "createdAt": ids.made_at,
            "updatedAt": written(self.updated_at),
            "due": due,
        })
    }
}

/// The ids that everybody's operations name, which were all made at the same moment.
struct Ids {
    texts: Vec<String>,
    made_at: String,
}

impl Ids {
    /// The same for everybody: what is one's own is decided by the owner alone.
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

/// What one person has.
#[derive(Clone, Debug)]
struct Owned {
    home: &'static str,
    /// In their manual order.
    tasks: Vec<Task>,
    deleted: BTreeSet<usize>,
    changes: i64,
}

/// The task that an operation shows, or the code of what went wrong.
type Outcome = (Option<Task>, Option<&'static str>);

impl Owned {
    fn new() -> Self {
        Self {
            home: "UTC",
            tasks: Vec::new(),
            deleted: BTreeSet::new(),
            changes: 0,
        }
    }

    fn find(&self, id: usize) -> Option<usize> {
        self.tasks.iter().position(|task| task.id == id)
    }

    /// The number of those that come before the place.
    fn place(tasks: &[Task], place: Place) -> Option<usize> {
        let find = |id| tasks.iter().position(|task| task.id == id);
        match place {
            Place::First => Some(0),
            Place::Last => Some(tasks.len()),
            Place::Before(id) => find(id),
            Place::After(id) => find(id).map(|at| at + 1),
        }
    }

    fn apply(&mut self, operation: &Operation, now: Timestamp) -> Outcome {
        match operation {
            Operation::Create {
                id,
                title,
                priority,
                due,
                place,
            } => {
                if self.deleted.contains(id) {
                    return (None, Some("ALREADY_EXISTS"));
                }
                if let Some(at) = self.find(*id) {
                    return (Some(self.tasks[at].clone()), None);
                }
                let place = place.unwrap_or(Place::Last);
                let Some(at) = Self::place(&self.tasks, place) else {
                    return (None, Some("NOT_FOUND"));
                };
                let task = Task {
                    id: *id,
                    title: title.clone(),
                    description: None,
                    priority,
                    due: due.clone(),
                    completed_at: None,
                    updated_at: now,
                    version: 1,
                };
                self.tasks.insert(at, task.clone());
                self.changes += 1;
                (Some(task), None)
            }
            Operation::Update {
                id,
                changes,
                if_version,
            } => self.change(*id, *if_version, now, |task| {
                let Changes {
                    title,
                    description,
                    priority,
                    due,
                } = changes.clone();
                task.title = title.unwrap_or(task.title.clone());
                task.description = description.unwrap_or(task.description.clone());
                task.priority = priority.unwrap_or(task.priority);
                task.due = due.unwrap_or(task.due.clone());
            }),
            Operation::Complete {
                id,
                completed,
                if_version,
            } => self.change(*id, *if_version, now, |task| {
                if task.completed_at.is_some() != *completed {
                    task.completed_at = completed.then_some(now);
                }
            }),
            Operation::Move {
                id,
                place,
                if_version,
            } => {
                let from = match self.expect(*id, *if_version) {
                    Ok(at) => at,
                    Err(outcome) => return outcome,
                };
                let mut others = self.tasks.clone();
                let mut task = others.remove(from);
                let Some(at) = Self::place(&others, *place) else {
                    return (None, Some("NOT_FOUND"));
                };
                if at != from {
                    task.version += 1;
                    task.updated_at = now;
                    self.changes += 1;
                }
                others.insert(at, task.clone());
                self.tasks = others;
                (Some(task), None)
            }
            Operation::Delete { id, if_version } => match self.expect(*id, *if_version) {
                Err((_, code)) => (None, code),
                Ok(at) => {
                    self.tasks.remove(at);
                    self.deleted.insert(*id);
                    self.changes += 1;
                    (None, None)
                }
            },
            Operation::Look { id } => (self.find(*id).map(|at| self.tasks[at].clone()), None),
            Operation::MoveTo(home) => {
                let (old, new) = (zone(self.home), zone(home));
                let dues = self.tasks.iter().filter_map(|task| task.due.as_ref());
                let moved = dues.filter(|due| due.at(&old) != due.at(&new)).count();
                self.changes += i64::try_from(moved).expect("few");
                self.home = home;
                (None, None)
            }
            Operation::List(_) | Operation::Wait(_) => (None, None),
        }
    }

    /// Where the task is, if it is there and at this version.
    fn expect(&self, id: usize, if_version: Option<i32>) -> Result<usize, Outcome> {
        let at = self.find(id).ok_or((None, Some("NOT_FOUND")))?;
        let task = &self.tasks[at];
        if if_version.is_some_and(|version| version != task.version) {
            return Err((Some(task.clone()), Some("VERSION_CONFLICT")));
        }
        Ok(at)
    }

    fn change(
        &mut self,
        id: usize,
        if_version: Option<i32>,
        now: Timestamp,
        change: impl FnOnce(&mut Task),
    ) -> Outcome {
        let at = match self.expect(id, if_version) {
            Ok(at) => at,
            Err(outcome) => return outcome,
        };
        let before = self.tasks[at].clone();
        let task = &mut self.tasks[at];
        change(task);
        if *task != before {
            task.version += 1;
            task.updated_at = now;
            self.changes += 1;
        }
        (Some(task.clone()), None)
    }

    /// As a list shows them, with their places for positions.
    fn shown(&self, ids: &Ids, now: &Zoned) -> Vec<Value> {
        let shown = self.tasks.iter().enumerate().map(|(at, task)| {
            let mut shown = task.shown(ids, now);
            shown["position"] = json!(format!("{at:03}"));
            shown
        });
        shown.collect()
    }
}

/// What the server makes of an operation that shows a task.
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
    for name in PEOPLE {
        clients.push(app.sign_up(name).await);
    }
    let mut model = vec![Owned::new(); PEOPLE.len()];
    for (person, operation) in operations {
        app.pass(Duration::from_millis(1));
        if let Operation::Wait(minutes) = operation {
            app.pass(Duration::from_mins(minutes.unsigned_abs()));
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
        .sql("SELECT seq FROM task_logs WHERE seq > 0 ORDER BY seq")
        .await;
    prop_assert_eq!(counted, changes);
    Ok(())
}

#[test]
fn everybody_has_exactly_what_they_made_whatever_everybody_does() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(ProptestConfig {
        cases: RUNS,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&vec(operation(), 1..OPERATIONS), |operations| {
        runtime.block_on(async {
            match App::start(super::DATABASE, &[]).await {
                Some(app) => run(&app, &operations).await,
                None => Ok(()),
            }
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
