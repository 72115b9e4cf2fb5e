//! Measures pages of lists in each order: for many users with a hundred tasks, and for one user
//! with a hundred thousand, at the first row and deep in the list.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Directory, Kind, Pace, Result,
    client::{Connection, Request},
    measure,
    postgresql::Postgresql,
    seed::{DEEP_OFFSET, FEW_TASKS, MANY_TASKS, seed, sign_in},
    server::Server,
    text,
};

/// The number of users with [`FEW_TASKS`] tasks.
const USERS: u32 = 10_000;

/// The number of those users who send requests.
const ACTIVE_USERS: u32 = 32;

/// The number of measurements of each kind of request. Kinds alternate, so that other load on the
/// machine affects all of them.
const ROUNDS: usize = 5;

/// Pages of the maximum size, to find the cursor of the deep page.
const SKIP: &str = "query ($order: [TaskOrder!], $after: String) { viewer { tasks(first: 100, orderBy: $order, after: $after) { pageInfo { endCursor } } } }";

const PAGE: &str = "query ($order: [TaskOrder!], $after: String) { viewer { tasks(first: 50, orderBy: $order, after: $after) { nodes { id title completed priority createdAt } pageInfo { hasNextPage endCursor } } } }";

const WHOLE: &str = "query ($order: [TaskOrder!], $after: String) { viewer { tasks(first: 50, orderBy: $order, after: $after) { nodes { id version title description completed completedAt priority due { date time timeZone at isOverdue } position createdAt updatedAt } pageInfo { hasNextPage endCursor } } } }";

const COUNTS: &str = "{ viewer { taskCounts { total open completed overdue dueToday } } }";

pub async fn measure_all(only: Option<Kind>, duration: Duration) -> Result<()> {
    println!("{HEAD}");
    if only != Some(Kind::Postgresql) {
        let directory = Directory::new("lists-sqlite")?;
        measure_one(&directory, "sqlite", None, duration).await?;
    }
    if only != Some(Kind::Sqlite) {
        let directory = Directory::new("lists-postgresql")?;
        let postgresql = Postgresql::start(&directory.0)?.ok_or(crate::POSTGRESQL_NOT_FOUND)?;
        measure_one(&directory, "postgresql", Some(&postgresql), duration).await?;
    }
    Ok(())
}

/// The titles of the columns. CPU is the time of server and database together for 1,000 requests.
const HEAD: &str = "
                                                CPU ms/1,000     min     max     p50 ms   vs the first";

async fn measure_one(
    directory: &Directory,
    database: &str,
    postgresql: Option<&Postgresql>,
    duration: Duration,
) -> Result<()> {
    let url = postgresql.map(Postgresql::url);
    let settings: Vec<(&str, &str)> = url.iter().map(|url| ("DATABASE_URL", &**url)).collect();
    for (users, tasks) in [(USERS, FEW_TASKS), (1, MANY_TASKS)] {
        let begun = Instant::now();
        seed(&directory.0, &settings, users, tasks)?;
        println!(
            "{database:<11}seeded {users} with {tasks} tasks in {:.1} s",
            begun.elapsed().as_secs_f64()
        );
    }
    let server = Server::start(&directory.0, &settings)?;
    let mut connection = Connection::open(server.address).await?;
    let mut many = Vec::new();
    for number in 1..=ACTIVE_USERS {
        many.push(sign_in(&mut connection, &server, number, FEW_TASKS).await?);
    }
    let one = vec![sign_in(&mut connection, &server, 1, MANY_TASKS).await?];

    for (name, field, direction) in [
        ("manual", "POSITION", "ASC"),
        ("due", "DUE", "ASC"),
        ("created", "CREATED_AT", "DESC"),
    ] {
        // The server has closed connections that were idle during the measurements.
        let mut connection = Connection::open(server.address).await?;
        let order = json!([{ "field": field, "direction": direction }]);
        let mut after = Value::Null;
        for _ in 0..DEEP_OFFSET / 100 {
            let variables = json!({ "order": order, "after": after });
            let request = server.request(Some(&one[0]), SKIP, variables, "endCursor");
            let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
            after = text(&answer, "/data/viewer/tasks/pageInfo/endCursor")?.into();
        }
        let first = json!({ "order": order });
        let deep = json!({ "order": order, "after": after });
        let requests = |query, tokens: &[String], variables: &Value| -> Arc<[Request]> {
            let request = |token: &String| {
                server.request(
                    Some(token),
                    query,
                    variables.clone(),
                    r#""hasNextPage":true"#,
                )
            };
            tokens.iter().map(request).collect()
        };
        compare(
            database,
            name,
            &server,
            postgresql,
            duration,
            &[
                ("of 100, row 1", requests(PAGE, &many, &first)),
                ("of 100,000, row 1", requests(PAGE, &one, &first)),
                ("of 100,000, row 50,000", requests(PAGE, &one, &deep)),
                ("of 100, all fields", requests(WHOLE, &many, &first)),
            ],
        )
        .await?;
    }
    let counts = |tokens: &[String]| -> Arc<[Request]> {
        let request = |token: &String| server.request(Some(token), COUNTS, json!({}), "dueToday");
        tokens.iter().map(request).collect()
    };
    compare(
        database,
        "counts",
        &server,
        postgresql,
        duration,
        &[("of 100", counts(&many)), ("of 100,000", counts(&one))],
    )
    .await
}

/// Measures the kinds of requests in turn, [`ROUNDS`] times, and prints the median of each.
async fn compare(
    database: &str,
    name: &str,
    server: &Server,
    postgresql: Option<&Postgresql>,
    duration: Duration,
    kinds: &[(&str, Arc<[Request]>)],
) -> Result<()> {
    let mut figures = vec![Vec::new(); kinds.len()];
    for _ in 0..ROUNDS {
        for ((_, requests), figures) in kinds.iter().zip(&mut figures) {
            let measured = measure(server, postgresql, requests, Pace::AtOnce, duration).await?;
            figures.push((measured.cpu_per_1000(), measured.median()));
        }
    }
    let mut first = None;
    for ((kind, _), mut figures) in kinds.iter().zip(figures) {
        figures.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (cpu, p50) = figures[ROUNDS / 2];
        let (least, most) = (figures[0].0, figures[ROUNDS - 1].0);
        let first = *first.get_or_insert(cpu);
        println!(
            "{database:<11}{name:<9}{kind:<28}{cpu:>12.0}{least:>8.0}{most:>8.0}{p50:>11.2}{:>13.1} %",
            (cpu / first - 1.0) * 100.0
        );
    }
    Ok(())
}
