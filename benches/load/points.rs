//! Measures the CPU time that one account can use in a minute, for each kind of operation.
//!
//! Repeats each operation until the account's points are spent. Prints the operation with the most
//! CPU time per point first.

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
const TASKS: usize = 10_000;

/// The length of each task's title: the maximum.
const TITLE_CHARS: usize = 500;

/// The points that an account may spend in a minute.
const POINTS: f64 = 60_000.0;

const DOMAIN: &str = "points.example.com";

/// One kind of operation, with its document and the variables of each repetition.
struct Operation {
    name: &'static str,
    query: &'static str,
    variables: fn(usize, &[String]) -> Value,
}

const OPERATIONS: [Operation; 14] = [
    Operation {
        name: "the viewer's id",
        query: "{ viewer { id } }",
        variables: |_, _| Value::Null,
    },
    Operation {
        name: "page of 100, all fields",
        query: "{ viewer { tasks(first: 100) { nodes { id version title description completed completedAt priority due { date time timeZone at isOverdue } position createdAt updatedAt } } } }",
        variables: |_, _| Value::Null,
    },
    Operation {
        name: "page of 1, sorted by title",
        query: "{ viewer { tasks(first: 1, orderBy: [{ field: TITLE }]) { nodes { id } } } }",
        variables: |_, _| Value::Null,
    },
    Operation {
        name: "page of 1, 49 patterns",
        query: "query ($filter: TaskFilter) { viewer { tasks(first: 1, filter: $filter) { nodes { id } } } }",
        variables: |_, _| json!({ "filter": { "or": patterns(49) } }),
    },
    Operation {
        name: "49 patterns, counted",
        query: "query ($filter: TaskFilter) { viewer { tasks(first: 1, filter: $filter) { totalCount } } }",
        variables: |_, _| json!({ "filter": { "or": patterns(49) } }),
    },
    Operation {
        name: "page of 1, one pattern",
        query: "query ($filter: TaskFilter) { viewer { tasks(first: 1, filter: $filter) { nodes { id } } } }",
        variables: |_, _| json!({ "filter": { "or": patterns(1) } }),
    },
    Operation {
        name: "page of 1, 48 comparisons",
        query: "query ($filter: TaskFilter) { viewer { tasks(first: 1, filter: $filter) { nodes { id } } } }",
        variables: |_, _| {
            let time = json!({ "completedAt": { "gt": "2030-01-01T00:00:00Z", "lt": "2030-01-01T00:00:01Z" } });
            json!({ "filter": { "or": vec![time; 24] } })
        },
    },
    Operation {
        name: "totalCount",
        query: "{ viewer { tasks(first: 1) { totalCount } } }",
        variables: |_, _| Value::Null,
    },
    Operation {
        name: "taskCounts",
        query: "{ viewer { taskCounts { total open overdue dueToday } } }",
        variables: |_, _| Value::Null,
    },
    Operation {
        name: "100 nodes by id",
        query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Task { title } } }",
        variables: |_, ids| json!({ "ids": &ids[..100] }),
    },
    Operation {
        name: "createTask",
        query: "mutation ($input: CreateTaskInput!) { createTask(input: $input) { userErrors { message } } }",
        variables: |_, _| json!({ "input": { "title": "x".repeat(TITLE_CHARS) } }),
    },
    Operation {
        name: "updateTask",
        query: "mutation ($input: UpdateTaskInput!) { updateTask(input: $input) { userErrors { message } } }",
        variables: |number, ids| json!({ "input": { "id": ids[number % ids.len()], "title": format!("{number}") } }),
    },
    Operation {
        name: "moveTask, always first",
        query: "mutation ($input: MoveTaskInput!) { moveTask(input: $input) { userErrors { message } } }",
        variables: |number, ids| json!({ "input": { "id": ids[number % ids.len()], "placement": { "edge": "FIRST" } } }),
    },
    Operation {
        name: "time zone, floating tasks",
        query: "mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { userErrors { message } } }",
        variables: |number, _| {
            let zones = ["Asia/Tokyo", "Europe/Berlin"];
            json!({ "input": { "timeZone": zones[number % 2] } })
        },
    },
];

fn patterns(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| json!({ "title": { "contains": format!("no {number}") } }))
        .collect()
}

/// The number of requests for the account's points, and their CPU time.
struct Spent {
    name: &'static str,
    times: usize,
    cpu: Duration,
}

pub async fn measure_all(only: Option<Kind>) -> Result<()> {
    println!("{HEAD}");
    if only != Some(Kind::Postgresql) {
        let directory = Directory::new("points-sqlite")?;
        measure_one(&directory, "sqlite", None).await?;
    }
    if only != Some(Kind::Sqlite) {
        let directory = Directory::new("points-postgresql")?;
        let postgresql = Postgresql::start(&directory.0)?.ok_or(crate::POSTGRESQL_NOT_FOUND)?;
        measure_one(&directory, "postgresql", Some(&postgresql)).await?;
    }
    Ok(())
}

/// The titles of the columns. CPU is the time of server and database together.
const HEAD: &str = "
                                          times per min   points each   CPU ms each   CPU ms/point";

async fn measure_one(
    directory: &Directory,
    database: &str,
    postgresql: Option<&Postgresql>,
) -> Result<()> {
    let url = postgresql.map(Postgresql::url);
    let mut settings: Vec<(&str, &str)> = url.iter().map(|url| ("DATABASE_URL", &**url)).collect();
    // Loopback is exempt from limits in development.
    settings.push(("CUBBY_MODE", "production"));
    let users = OPERATIONS.len().to_string();
    let seed = [
        "seed",
        "--users",
        &users,
        "--tasks",
        "0",
        "--domain",
        DOMAIN,
        "--password",
        PASSWORD,
    ];
    server::run(&directory.0, &settings, &seed)?;
    let file = directory.0.join("tasks.json");
    fs::write(&file, tasks().to_string())?;
    let file = file.to_string_lossy();
    for number in 1..=OPERATIONS.len() {
        let user = address_of(number);
        let import = ["import", &file, "--user", &user, "--new-ids"];
        server::run(&directory.0, &settings, &import)?;
    }
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    settings.push(("CUBBY_LISTEN", &address));
    let server = Server::start(&directory.0, &settings)?;
    let mut all = Vec::new();
    for (operation, number) in OPERATIONS.iter().zip(1..) {
        all.push(spend(&server, postgresql, operation, number).await?);
    }
    let per_point = |spent: &Spent| spent.cpu.as_secs_f64() * 1000.0 / POINTS;
    all.sort_by(|a, b| per_point(b).total_cmp(&per_point(a)));
    for spent in all {
        let times = spent.times as f64;
        println!(
            "{database:<11}{:<31}{times:>14}{:>14.1}{:>14.3}{:>17.4}",
            spent.name,
            POINTS / times,
            spent.cpu.as_secs_f64() * 1000.0 / times,
            per_point(&spent),
        );
    }
    Ok(())
}

/// Repeats the operation until the server answers 429.
async fn spend(
    server: &Server,
    postgresql: Option<&Postgresql>,
    operation: &Operation,
    number: usize,
) -> Result<Spent> {
    let mut connection = Connection::open(server.address).await?;
    let input = json!({ "input": { "email": address_of(number), "password": PASSWORD } });
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
    let cpu = || -> Result<_> {
        let database = postgresql.map_or(Ok(Duration::ZERO), Postgresql::cpu)?;
        Ok(cpu::of_process(server.id())? + database)
    };
    let before = cpu()?;
    let mut times = 0;
    loop {
        let variables = (operation.variables)(times, &ids);
        let request = server.request(Some(&token), operation.query, variables, r#""data""#);
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
        times,
        cpu: cpu()? - before,
    })
}

/// Returns tasks with long titles and floating due times.
fn tasks() -> Value {
    let task = |number: usize| {
        let title = format!("{number} ").repeat(TITLE_CHARS);
        let title: String = title.chars().take(TITLE_CHARS - 1).chain(['.']).collect();
        json!({ "title": title, "due": { "date": "2030-01-01", "time": "09:00" } })
    };
    (0..TASKS).map(task).collect()
}

fn address_of(number: usize) -> String {
    format!("person-{number}@{DOMAIN}")
}
