//! Compares Cubby with the floor: hand-written handlers without a GraphQL engine and without an
//! ORM, in `benches/floor`.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    Directory, Kind, PAGE, POSTGRESQL_NOT_FOUND, Pace, Result, TASK_BY_ID,
    client::{Connection, Request},
    create, live, measure,
    postgresql::Postgresql,
    seed::{DEEP_OFFSET, FEW_TASKS, MANY_TASKS, seed, sign_in},
    server::Server,
    text,
};

/// The number of users with few tasks, as in `benches/floor`.
const USERS: u32 = 32;

/// The number of measurements of each request. Cubby and the floor alternate, so that other load on
/// the machine affects both.
const ROUNDS: usize = 3;

/// A page of the maximum size, to find the cursor of the deep page.
const SKIP: &str = "query ($after: String) { viewer { tasks(first: 100, after: $after) { nodes { id } pageInfo { endCursor } } } }";

const DEEP_PAGE: &str = "query ($after: String) { viewer { tasks(first: 50, after: $after) { nodes { id title completed priority createdAt } pageInfo { hasNextPage endCursor } } } }";

const HEAD: &str = "
                                       CPU µs for a request, server and database
database   request                        floor     Cubby     ratio";

/// The kinds of requests of the table.
const NAMES: [&str; 4] = [
    "page of 50",
    "page after row 50,000",
    "task by id",
    "createTask, 32 users",
];

/// The requests of each kind, for one of the two servers.
type Requests = [Arc<[Request]>; NAMES.len()];

pub async fn measure_all(only: Option<Kind>, duration: Duration) -> Result<()> {
    let floor = build()?;
    println!("{HEAD}");
    if only != Some(Kind::Postgresql) {
        let directory = Directory::new("floor-sqlite")?;
        let file = directory.0.join("floor.sqlite");
        let arguments = ["sqlite", &file.to_string_lossy()];
        let floor = Server::start_other(&floor, &arguments)?;
        compare("sqlite", &directory.0, &floor, None, duration).await?;
    }
    if only != Some(Kind::Sqlite) {
        let directory = Directory::new("floor-postgresql")?;
        let postgresql = Postgresql::start(&directory.0)?.ok_or(POSTGRESQL_NOT_FOUND)?;
        let floor = Server::start_other(&floor, &["postgresql", &postgresql.url()])?;
        let name = "postgresql";
        compare(name, &directory.0, &floor, Some(&postgresql), duration).await?;
    }
    Ok(())
}

/// Builds the floor, and returns the path of its binary.
fn build() -> Result<std::path::PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "floor",
    ]);
    if !cargo.status()?.success() {
        return Err("the floor cannot be built".into());
    }
    let cubby = Path::new(env!("CARGO_BIN_EXE_cubby"));
    Ok(cubby.with_file_name("floor"))
}

async fn compare(
    database: &str,
    directory: &Path,
    floor: &Server,
    postgresql: Option<&Postgresql>,
    duration: Duration,
) -> Result<()> {
    let url = postgresql.map(Postgresql::url);
    let settings: Vec<(&str, &str)> = url.iter().map(|url| ("DATABASE_URL", &**url)).collect();
    for (users, tasks) in [(USERS, FEW_TASKS), (1, MANY_TASKS)] {
        seed(directory, &settings, users, tasks)?;
    }
    let cubby = Server::start(directory, &settings)?;
    let (of_cubby, of_floor) = (
        requests_of_cubby(&cubby).await?,
        requests_of_floor(floor).await?,
    );
    for ((name, of_cubby), of_floor) in NAMES.iter().zip(&of_cubby).zip(&of_floor) {
        let mut figures = [const { Vec::new() }; 2];
        for _ in 0..ROUNDS {
            for ((server, requests), figures) in [(floor, of_floor), (&cubby, of_cubby)]
                .into_iter()
                .zip(&mut figures)
            {
                let measured =
                    measure(server, postgresql, requests, Pace::AtOnce, duration).await?;
                // Milliseconds for 1,000 requests are microseconds for one.
                figures.push(measured.cpu_per_1000());
            }
        }
        let [floor, cubby] = figures.map(|mut figures| {
            figures.sort_by(f64::total_cmp);
            figures[ROUNDS / 2]
        });
        println!(
            "{database:<11}{name:<25}{floor:>11.0}{cubby:>10.0}{:>10.2}",
            cubby / floor
        );
    }
    live::compare(database, directory, &settings, &cubby, postgresql, duration).await
}

async fn requests_of_cubby(server: &Server) -> Result<Requests> {
    let mut connection = Connection::open(server.address).await?;
    let mut few = Vec::new();
    for number in 1..=USERS {
        few.push(sign_in(&mut connection, server, number, FEW_TASKS).await?);
    }
    let many = sign_in(&mut connection, server, 1, MANY_TASKS).await?;

    let mut after = Value::Null;
    for _ in 0..DEEP_OFFSET / 100 {
        let request = server.request(Some(&many), SKIP, json!({ "after": after }), "endCursor");
        let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
        after = text(&answer, "/data/viewer/tasks/pageInfo/endCursor")?.into();
    }
    let request = server.request(Some(&few[0]), SKIP, json!({}), "endCursor");
    let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
    let id = text(&answer, "/data/viewer/tasks/nodes/50/id")?;
    let more = r#""hasNextPage":true"#;
    let pages = few
        .iter()
        .map(|token| server.request(Some(token), PAGE, json!({}), more));
    let deep = server.request(Some(&many), DEEP_PAGE, json!({ "after": after }), more);
    let task = server.request(Some(&few[0]), TASK_BY_ID, json!({ "id": id }), &id);
    Ok([
        pages.collect(),
        [deep].into(),
        [task].into(),
        few.iter().map(|token| create(server, token)).collect(),
    ])
}

async fn requests_of_floor(server: &Server) -> Result<Requests> {
    let request = |user: u32, query: &str, variables: Value, expected: &str| {
        server.request(Some(&format!("user-{user}")), query, variables, expected)
    };
    let mut connection = Connection::open(server.address).await?;
    let more = r#""hasNextPage":true"#;
    let mut after = Value::Null;
    for _ in 0..DEEP_OFFSET / 50 {
        let page = request(0, "page", json!({ "after": after }), more);
        let answer: Value = serde_json::from_str(connection.send(&page).await?)?;
        after = text(&answer, "/data/viewer/tasks/pageInfo/endCursor")?.into();
    }
    let page = request(1, "page", json!({}), more);
    let answer: Value = serde_json::from_str(connection.send(&page).await?)?;
    let id = text(&answer, "/data/viewer/tasks/nodes/49/id")?;
    let title = json!({ "title": "Water the plants on the balcony" });
    let users = 1..=USERS;
    Ok([
        users
            .clone()
            .map(|user| request(user, "page", json!({}), more))
            .collect(),
        [request(0, "page", json!({ "after": after }), more)].into(),
        [request(1, "task", json!({ "id": id }), &id)].into(),
        users
            .map(|user| request(user, "create", title.clone(), "userErrors"))
            .collect(),
    ])
}
