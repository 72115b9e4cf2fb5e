//! Random operations by several people, against a model that knows who owns what.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::harness::{App, Client};

const PEOPLE: [&str; 3] = ["ana", "ben", "cem"];

/// How many different ids the operations draw from, so that they meet.
const IDS: usize = 6;

/// How many runs there are, and the most operations in each.
const RUNS: u32 = 12;
const OPERATIONS: usize = 40;

#[derive(Clone, Debug)]
enum Operation {
    Create {
        id: usize,
        title: String,
    },
    Update {
        id: usize,
        title: Option<String>,
        description: Option<Option<String>>,
        if_version: Option<i32>,
    },
    Complete {
        id: usize,
        completed: bool,
    },
    Delete {
        id: usize,
        if_version: Option<i32>,
    },
    Look {
        id: usize,
    },
}

fn operation() -> impl Strategy<Value = (usize, Operation)> {
    let id = 0..IDS;
    let title = prop_oneof!["[a-zé]{1,8}", Just("O'Hara; -- %_\"\\".to_owned())];
    let description = option::of(option::of("[a-z]{0,5}"));
    let version = option::of(1..4);
    let operation = prop_oneof![
        3 => (id.clone(), title.clone()).prop_map(|(id, title)| Operation::Create { id, title }),
        3 => (id.clone(), option::of(title), description, version.clone()).prop_map(
            |(id, title, description, if_version)| Operation::Update { id, title, description, if_version }),
        2 => (id.clone(), any::<bool>()).prop_map(|(id, completed)| Operation::Complete { id, completed }),
        1 => (id.clone(), version).prop_map(|(id, if_version)| Operation::Delete { id, if_version }),
        1 => id.prop_map(|id| Operation::Look { id }),
    ];
    (0..PEOPLE.len(), operation)
}

#[derive(Clone, Debug, PartialEq)]
struct Task {
    title: String,
    description: Option<String>,
    completed: bool,
    version: i32,
}

/// What one person has.
#[derive(Clone, Debug, Default)]
struct Owned {
    tasks: BTreeMap<usize, Task>,
    deleted: BTreeSet<usize>,
    changes: i64,
}

/// The task that an operation shows, or the code of what went wrong.
type Outcome = (Option<Task>, Option<&'static str>);

impl Owned {
    fn apply(&mut self, operation: &Operation) -> Outcome {
        match operation {
            Operation::Create { id, .. } if self.deleted.contains(id) => {
                (None, Some("ALREADY_EXISTS"))
            }
            Operation::Create { id, title } => {
                let new = || {
                    self.changes += 1;
                    Task {
                        title: title.clone(),
                        description: None,
                        completed: false,
                        version: 1,
                    }
                };
                (
                    Some(self.tasks.entry(*id).or_insert_with(new).clone()),
                    None,
                )
            }
            Operation::Update {
                id,
                title,
                description,
                if_version,
            } => self.change(*id, *if_version, |task| {
                if let Some(title) = title {
                    task.title.clone_from(title);
                }
                if let Some(description) = description {
                    task.description.clone_from(description);
                }
            }),
            Operation::Complete { id, completed } => {
                self.change(*id, None, |task| task.completed = *completed)
            }
            Operation::Delete { id, if_version } => match self.tasks.get(id) {
                None => (None, Some("NOT_FOUND")),
                Some(task) if if_version.is_some_and(|version| version != task.version) => {
                    (None, Some("VERSION_CONFLICT"))
                }
                Some(_) => {
                    self.tasks.remove(id);
                    self.deleted.insert(*id);
                    self.changes += 1;
                    (None, None)
                }
            },
            Operation::Look { id } => (self.tasks.get(id).cloned(), None),
        }
    }

    fn change(
        &mut self,
        id: usize,
        if_version: Option<i32>,
        change: impl FnOnce(&mut Task),
    ) -> Outcome {
        let Some(task) = self.tasks.get_mut(&id) else {
            return (None, Some("NOT_FOUND"));
        };
        if if_version.is_some_and(|version| version != task.version) {
            return (Some(task.clone()), Some("VERSION_CONFLICT"));
        }
        let before = task.clone();
        change(task);
        if *task != before {
            task.version += 1;
            self.changes += 1;
        }
        (Some(task.clone()), None)
    }
}

/// What the server makes of the operation.
async fn perform(
    client: &Client,
    ids: &[String],
    operation: &Operation,
) -> (Option<Value>, Option<String>) {
    let (field, kind, id) = match operation {
        Operation::Create { id, .. } => ("createTask", "CreateTaskInput", id),
        Operation::Update { id, .. } => ("updateTask", "UpdateTaskInput", id),
        Operation::Complete { id, .. } => ("setTaskCompleted", "SetTaskCompletedInput", id),
        Operation::Delete { id, .. } => ("deleteTask", "DeleteTaskInput", id),
        Operation::Look { id } => {
            let query = "query ($id: ID!) { viewer { task(id: $id) {
                title description completed version } } }";
            let data = client.ask(query, json!({ "id": ids[*id] })).await;
            return (non_null(&data["viewer"]["task"]), None);
        }
    };
    let mut input = json!({ "id": ids[*id] });
    match operation {
        Operation::Create { title, .. } => input["title"] = json!(title),
        Operation::Update {
            title,
            description,
            if_version,
            ..
        } => {
            if let Some(title) = title {
                input["title"] = json!(title);
            }
            if let Some(description) = description {
                input["description"] = json!(description);
            }
            input["ifVersion"] = json!(if_version);
        }
        Operation::Complete { completed, .. } => input["completed"] = json!(completed),
        Operation::Delete { if_version, .. } => input["ifVersion"] = json!(if_version),
        Operation::Look { .. } => {}
    }
    let shows = if field == "deleteTask" {
        "deletedTaskId"
    } else {
        "task { title description completed version }"
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

fn shown(task: &Task) -> Value {
    json!({ "title": task.title, "description": task.description,
            "completed": task.completed, "version": task.version })
}

/// The same ids for everybody: what is one's own is decided by the owner alone.
async fn shared_ids(app: &App) -> Vec<String> {
    let minter = app.sign_up("minter").await;
    let mut ids = Vec::new();
    for _ in 0..IDS {
        ids.push(minter.create_task("minted").await);
    }
    ids
}

async fn run(app: &App, operations: &[(usize, Operation)]) -> Result<(), TestCaseError> {
    let ids = shared_ids(app).await;
    let mut clients = Vec::new();
    for name in PEOPLE {
        clients.push(app.sign_up(name).await);
    }
    let mut model = vec![Owned::default(); PEOPLE.len()];
    for (person, operation) in operations {
        let (task, code) = model[*person].apply(operation);
        let seen = perform(&clients[*person], &ids, operation).await;
        prop_assert_eq!(
            seen.1.as_deref(),
            code,
            "{:?} by {}",
            operation,
            PEOPLE[*person]
        );
        prop_assert_eq!(
            seen.0,
            task.as_ref().map(shown),
            "{:?} by {}",
            operation,
            PEOPLE[*person]
        );
    }
    for (client, owned) in clients.iter().zip(&model) {
        let query = "{ viewer { tasks(first: 100) { totalCount nodes {
            id title description completed version } } } }";
        let data = client.ask(query, json!({})).await;
        let mut expected: Vec<_> = owned
            .tasks
            .iter()
            .map(|(id, task)| {
                let mut task = shown(task);
                task["id"] = json!(ids[*id]);
                task
            })
            .collect();
        expected.reverse();
        let tasks = &data["viewer"]["tasks"];
        prop_assert_eq!(&tasks["nodes"], &json!(expected), "of {}", &client.name);
        prop_assert_eq!(&tasks["totalCount"], expected.len());
    }
    let mut changes: Vec<_> = model
        .iter()
        .map(|owned| owned.changes)
        .filter(|n| *n > 0)
        .collect();
    changes.push(i64::try_from(IDS).expect("few"));
    changes.sort_unstable();
    let counted = app.sql("SELECT seq FROM task_logs ORDER BY seq").await;
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
