//! Measures the CPU time of a point, for each order, each condition and the other fields.
//!
//! Spends most of the account's points of a minute on a cheap query, and repeats the operation until
//! the rest is spent. Prints the operation with the most CPU time per point first, and the ratio to
//! the median.

use std::{fs, net::TcpListener, time::Duration};

use serde_json::{Value, json};

use crate::{
    Directory, Kind, PASSWORD, Result,
    client::Connection,
    cpu,
    postgresql::Postgresql,
    server::{self, Server},
    sign_in::SIGN_IN,
    text,
};

/// The number of tasks of each account.
const SIZES: [usize; 2] = [10_000, 100_000];

/// The length of each task's title: the maximum.
const TITLE_CHARS: usize = 500;

/// The points that an account may spend in a minute.
const POINTS: f64 = 60_000.0;

/// The part of the points that is spent before an operation is measured, so that none takes longer
/// than the minute.
const SPENT_BEFORE: f64 = 0.8;

/// A query of many points and little work: the account has no access tokens.
const EMPTY_PAGES: &str = "{ viewer { a: accessTokens(first: 100) { nodes { id } } b: accessTokens(first: 100) { nodes { id } } c: accessTokens(first: 100) { nodes { id } } } }";

const DOMAIN: &str = "points.example.com";

const PAGE: &str = "query ($filter: TaskFilter, $order: [TaskOrder!]) { viewer { tasks(first: 1, filter: $filter, orderBy: $order) { nodes { id } } } }";

const COUNTS: &str =
    "query ($filter: TaskFilter) { viewer { taskCounts(filter: $filter) { total } } }";

const ALL_FIELDS: &str = "{ viewer { tasks(first: 100) { nodes { id version title description completed completedAt priority due { date time timeZone at isOverdue } position createdAt updatedAt } } } }";

const ORDERS: [&str; 7] = [
    "POSITION",
    "CREATED_AT",
    "UPDATED_AT",
    "COMPLETED_AT",
    "DUE",
    "PRIORITY",
    "TITLE",
];

/// One kind of operation, with its document and the variables of each repetition.
struct Operation {
    name: String,
    query: String,
    variables: Variables,
}

enum Variables {
    Same(Value),
    Each(Make),
}

/// Makes the variables of a repetition from its number and the ids of some tasks.
type Make = fn(usize, &[String]) -> Value;

fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    let mut add = |name: String, query: &str, variables| {
        let query = query.to_owned();
        all.push(Operation {
            name,
            query,
            variables,
        });
    };
    for order in ORDERS {
        let variables = json!({ "order": [{ "field": order }] });
        add(format!("order {order}"), PAGE, Variables::Same(variables));
    }
    for (name, filter) in conditions() {
        let variables = json!({ "filter": filter });
        for (kind, query) in [("page", PAGE), ("counts", COUNTS)] {
            let name = format!("{kind}, {name}");
            add(name, query, Variables::Same(variables.clone()));
        }
    }
    for (name, query) in [
        ("service", "{ service { version } }"),
        ("viewer's id", "{ viewer { id } }"),
        ("current session", "{ viewer { currentSession { id } } }"),
        ("sessions", "{ viewer { sessions { nodes { id } } } }"),
        (
            "access tokens",
            "{ viewer { accessTokens { nodes { id } } } }",
        ),
        (
            "security events",
            "{ viewer { securityEvents { nodes { id } } } }",
        ),
        (
            "totalCount",
            "{ viewer { tasks(first: 1) { totalCount } } }",
        ),
        (
            "all counts",
            "{ viewer { taskCounts { total open overdue dueToday } } }",
        ),
        ("page of 100, all fields", ALL_FIELDS),
    ] {
        add(name.to_owned(), query, Variables::Same(Value::Null));
    }
    let each: [(&str, &str, Make); 9] = [
        (
            "one task",
            "query ($id: ID!) { viewer { task(id: $id) { id title } } }",
            |number, ids| json!({ "id": ids[number % ids.len()] }),
        ),
        (
            "one node",
            "query ($id: ID!) { node(id: $id) { id } }",
            |number, ids| json!({ "id": ids[number % ids.len()] }),
        ),
        (
            "100 nodes",
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Task { title } } }",
            |_, ids| json!({ "ids": &ids[..100] }),
        ),
        (
            "createTask",
            "mutation ($input: CreateTaskInput!) { createTask(input: $input) { userErrors { message } } }",
            |_, _| json!({ "input": { "title": "x".repeat(TITLE_CHARS) } }),
        ),
        (
            "updateTask",
            "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userErrors { message } } }",
            |number, ids| json!({ "input": { "id": ids[number % ids.len()], "title": format!("{number}") } }),
        ),
        (
            "setTaskCompleted",
            "mutation ($input: SetTaskCompletedInput!) { setTaskCompleted(input: $input) { userErrors { message } } }",
            |number, ids| json!({ "input": { "id": ids[number % ids.len()], "completed": number / ids.len() % 2 == 0 } }),
        ),
        (
            "moveTask, always first",
            "mutation ($input: MoveTaskInput!) { moveTask(input: $input) { userErrors { message } } }",
            |number, ids| json!({ "input": { "id": ids[number % ids.len()], "placement": { "edge": "FIRST" } } }),
        ),
        (
            "deleteTask, unknown",
            "mutation ($input: DeleteTaskInput!) { deleteTask(input: $input) { userErrors { message } } }",
            |_, _| json!({ "input": { "id": "task_01h2xcejqtf2nbrexx3vqjhp41" } }),
        ),
        (
            "time zone, floating tasks",
            "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { userErrors { message } } }",
            |number, _| {
                let zones = ["Asia/Tokyo", "Europe/Berlin"];
                json!({ "input": { "timeZone": zones[number % 2] } })
            },
        ),
    ];
    for (name, query, variables) in each {
        add(name.to_owned(), query, Variables::Each(variables));
    }
    all
}

/// Returns conditions that match no task, so that all tasks are examined.
fn conditions() -> Vec<(&'static str, Value)> {
    let text = "x".repeat(TITLE_CHARS);
    let long_ago = "2000-01-01T00:00:00Z";
    let pattern = |number: usize| json!({ "title": { "contains": format!("no {number}") } });
    let completed =
        json!({ "completedAt": { "gt": "2030-01-01T00:00:00Z", "lt": "2030-01-01T00:00:01Z" } });
    vec![
        (
            "id",
            json!({ "id": { "eq": "task_01h2xcejqtf2nbrexx3vqjhp41" } }),
        ),
        ("completed", json!({ "completed": true })),
        ("overdue", json!({ "overdue": true })),
        ("title equal", json!({ "title": { "eq": text } })),
        (
            "title in 20",
            json!({ "title": { "in": vec![text.clone(); 20] } }),
        ),
        ("title contains", pattern(0)),
        (
            "title contains 500",
            json!({ "title": { "contains": text } }),
        ),
        (
            "title startsWith",
            json!({ "title": { "startsWith": "no" } }),
        ),
        ("title endsWith", json!({ "title": { "endsWith": "no" } })),
        ("priority", json!({ "priority": { "eq": "HIGH" } })),
        ("due", json!({ "due": { "lt": long_ago } })),
        ("createdAt", json!({ "createdAt": { "lt": long_ago } })),
        ("updatedAt", json!({ "updatedAt": { "lt": long_ago } })),
        ("completedAt", json!({ "completedAt": { "null": false } })),
        ("not", json!({ "not": { "completed": false } })),
        (
            "49 patterns",
            json!({ "or": (0..49).map(pattern).collect::<Vec<_>>() }),
        ),
        ("48 comparisons", json!({ "or": vec![completed; 24] })),
    ]
}

/// The number of requests for the rest of the account's points, and their CPU time.
struct Spent {
    name: String,
    points: f64,
    times: f64,
    cpu: Duration,
}

impl Spent {
    fn points_each(&self) -> f64 {
        self.points / self.times
    }

    fn millis_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.times
    }

    fn millis_per_point(&self) -> f64 {
        self.millis_each() / self.points_each()
    }
}

pub async fn measure_all(only: Option<Kind>) -> Result<()> {
    println!("{HEAD}");
    for tasks in SIZES {
        if only != Some(Kind::Postgresql) {
            let directory = Directory::new("points-sqlite")?;
            measure_one(&directory, "sqlite", None, tasks).await?;
        }
        if only != Some(Kind::Sqlite) {
            let directory = Directory::new("points-postgresql")?;
            let postgresql = Postgresql::start(&directory.0)?.ok_or(crate::POSTGRESQL_NOT_FOUND)?;
            measure_one(&directory, "postgresql", Some(&postgresql), tasks).await?;
        }
    }
    Ok(())
}

/// The titles of the columns. CPU is the time of server and database together.
const HEAD: &str = "
                                                  points each   CPU ms each  CPU ms/point  to median";

async fn measure_one(
    directory: &Directory,
    database: &str,
    postgresql: Option<&Postgresql>,
    tasks: usize,
) -> Result<()> {
    let url = postgresql.map(Postgresql::url);
    let mut settings: Vec<(&str, &str)> = url.iter().map(|url| ("DATABASE_URL", &**url)).collect();
    // Loopback is exempt from limits in development.
    settings.extend([("CUBBY_MODE", "production"), ("CUBBY_MAX_TASKS", "1000000")]);
    let user = format!("person-1@{DOMAIN}");
    let seed = [
        "seed",
        "--users",
        "1",
        "--tasks",
        "0",
        "--domain",
        DOMAIN,
        "--password",
        PASSWORD,
    ];
    server::run(&directory.0, &settings, &seed)?;
    let file = directory.0.join("tasks.json");
    fs::write(&file, tasks_of(tasks).to_string())?;
    let file = file.to_string_lossy();
    let import = ["import", &file, "--user", &user, "--new-ids"];
    server::run(&directory.0, &settings, &import)?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    settings.push(("CUBBY_LISTEN", &address));
    let run = async |operation: Operation, before: Option<&Spent>| {
        // A new process has all points again.
        let server = Server::start(&directory.0, &settings)?;
        spend(&server, postgresql, operation, before, &user).await
    };
    let empty_pages = Operation {
        name: "three empty pages".to_owned(),
        query: EMPTY_PAGES.to_owned(),
        variables: Variables::Same(Value::Null),
    };
    let empty_pages = run(empty_pages, None).await?;
    let mut all = Vec::new();
    for operation in operations() {
        let spent = run(operation, Some(&empty_pages)).await?;
        if spent.times > 0.0 {
            all.push(spent);
        } else {
            println!("{}: costs more than {:.0} points", spent.name, spent.points);
        }
    }
    all.sort_by(|a, b| b.millis_per_point().total_cmp(&a.millis_per_point()));
    let median = all[all.len() / 2].millis_per_point();
    println!("{database}, {tasks} tasks");
    for spent in all {
        println!(
            "  {:<46}{:>13.1}{:>14.3}{:>14.4}{:>11.2}",
            spent.name,
            spent.points_each(),
            spent.millis_each(),
            spent.millis_per_point(),
            spent.millis_per_point() / median,
        );
    }
    Ok(())
}

/// Repeats the operation until the server answers 429. `before` is the query that spends points
/// first.
async fn spend(
    server: &Server,
    postgresql: Option<&Postgresql>,
    operation: Operation,
    before: Option<&Spent>,
    user: &str,
) -> Result<Spent> {
    let mut connection = Connection::open(server.address).await?;
    let input = json!({ "input": { "email": user, "password": PASSWORD } });
    let request = server.request(None, SIGN_IN, input, r#""userErrors":[]"#);
    let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
    let token = text(&answer, "/data/signIn/tokens/accessToken")?;
    let ids = "{ viewer { tasks(first: 100) { nodes { id } } } }";
    let request = server.request(Some(&token), ids, Value::Null, "nodes");
    let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
    let nodes = answer.pointer("/data/viewer/tasks/nodes");
    let nodes = nodes
        .and_then(Value::as_array)
        .ok_or("the response has no tasks")?;
    let ids: Vec<_> = nodes
        .iter()
        .map(|node| text(node, "/id"))
        .collect::<Result<_>>()?;
    let mut points = POINTS;
    if let Some(before) = before {
        let request = server.request(Some(&token), EMPTY_PAGES, Value::Null, r#""data""#);
        while points > POINTS * (1.0 - SPENT_BEFORE) {
            connection.send(&request).await?;
            points -= before.points_each();
        }
    }
    let cpu = || -> Result<_> {
        let database = postgresql.map_or(Ok(Duration::ZERO), Postgresql::cpu)?;
        Ok(cpu::of_process(server.id())? + database)
    };
    let (begun, mut times) = (cpu()?, 0);
    loop {
        let variables = match &operation.variables {
            Variables::Same(variables) => variables.clone(),
            Variables::Each(variables) => variables(times, &ids),
        };
        let request = server.request(Some(&token), &operation.query, variables, r#""data""#);
        if let Err(error) = connection.send(&request).await {
            if connection.status() != 429 {
                return Err(error);
            }
            break;
        }
        times += 1;
    }
    Ok(Spent {
        name: operation.name,
        points,
        times: f64::from(u32::try_from(times)?),
        cpu: cpu()? - begun,
    })
}

/// Returns tasks with long titles and floating due times.
fn tasks_of(count: usize) -> Value {
    let task = |number: usize| {
        let title = format!("{number} ").repeat(TITLE_CHARS);
        let title: String = title.chars().take(TITLE_CHARS - 1).chain(['.']).collect();
        json!({ "title": title, "due": { "date": "2030-01-01", "time": "09:00" } })
    };
    (0..count).map(task).collect()
}
