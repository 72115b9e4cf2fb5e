//! Measures Cubby with SQLite and with a temporary PostgreSQL.
//!
//! `cargo bench` compares the CPU time of Cubby with that of the floor, hand-written handlers that do
//! the same work. `cargo bench --bench load -- OPTIONS` measures other things:
//!
//! - `--throughput`: requests per second, latency and CPU time of each kind of request.
//! - `--only sqlite`, `--only postgresql`: one database only.
//! - `--seconds 10`: the duration of each measurement.
//! - `--resources`: the time of a start, and the memory of an idle server and of open streams.
//! - `--sign-in`: a flood of sign-ins, and its effect on other requests.
//! - `--revocation`: the delay until another instance rejects an ended session.
//! - `--lists`: pages of short and long lists in each order.
//! - `--points`: the CPU time that one account's points buy.
//! - `--sessions`: the database look-ups and the CPU time of many slow and of a few busy sessions.
//!
//! `CUBBY_BENCH_BINARY` names another server to measure, for example one built before a change.
//! Runs on Linux only, because CPU times are read from `/proc`. Server, database and load generator
//! share one machine, so CPU time measures a change better than requests per second.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the benchmark prints its results"
)]

mod client;
mod cpu;
mod floor;
mod lists;
mod live;
mod points;
mod postgresql;
mod relay;
mod resources;
mod revocation;
mod seed;
mod server;
mod sessions;
mod sign_in;

use std::{error::Error, fs, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use client::{Connection, Request};
use postgresql::Postgresql;
use server::Server;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The number of concurrent connections, each with one request at a time.
const CONNECTIONS: usize = 16;

/// The time for which a load runs before the measurement starts.
const WARM_UP: Duration = Duration::from_secs(1);

/// The number of tasks of the user whose tasks are read.
const TASKS: usize = 500;

/// The number of other users, each with [`OTHER_USERS_TASKS`] tasks.
const OTHER_USERS: usize = 20;

const OTHER_USERS_TASKS: usize = 100;

const PASSWORD: &str = "correct horse";

const SIGN_UP: &str = "mutation ($input: SignUpInput!) { signUp(input: $input) { tokens { accessToken } userErrors { message } } }";

/// An operation without work besides the GraphQL engine.
const TYPENAME: &str = "{ __typename }";

const PAGE: &str = "{ viewer { tasks(first: 50) { nodes { id title completed priority createdAt } pageInfo { hasNextPage endCursor } } } }";

const TASK_BY_ID: &str =
    "query ($id: ID!) { viewer { task(id: $id) { id title completed priority } } }";

const CREATE: &str = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { task { id title completed priority } userErrors { message } } }";

/// Measures requests per second, CPU and latency.
#[derive(Parser)]
struct Args {
    /// Measure only this database
    #[arg(long)]
    only: Option<Kind>,

    /// The duration of each measurement, in seconds
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,

    /// Measure only the throughput, the latency and the CPU time of each kind of request
    #[arg(long)]
    throughput: bool,

    /// Measure only the time of a start, and the memory of an idle server and of open streams
    #[arg(long)]
    resources: bool,

    /// Measure only sign-ins, and reads during a flood of sign-ins
    #[arg(long)]
    sign_in: bool,

    /// Measure only the delay until another instance on PostgreSQL rejects an ended session
    #[arg(long)]
    revocation: bool,

    /// Measure only pages of lists in each order, for 10,000 users with 100 tasks and one with
    /// 100,000
    #[arg(long)]
    lists: bool,

    /// Measure only the CPU time that one account can use in a minute, by kind of operation
    #[arg(long)]
    points: bool,

    /// Measure only the database look-ups and the CPU time of 2,000 slow and of 50 busy sessions
    #[arg(long)]
    sessions: bool,

    /// Set by `cargo bench`. `cargo test --all-targets` does not set it, so that no unoptimised
    /// build is measured
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgresql,
}

// One thread: the load generator takes CPU time from the server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    if !args.bench {
        return ExitCode::SUCCESS;
    }
    let result = tokio::select! {
        result = run(&args) => result,
        // Dropping `run` stops the started processes and removes their files.
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The titles and units of the columns.
const HEAD: &str = "
                                     requests  server CPU      db CPU    load CPU       p50       p99
database   request                      per s    ms/1,000    ms/1,000    ms/1,000        ms        ms";

const POSTGRESQL_NOT_FOUND: &str =
    "POSTGRESQL IS NOT MEASURED: initdb was not found in PATH or /usr/lib/postgresql";

async fn run(args: &Args) -> Result<()> {
    if args.revocation {
        let directory = Directory::new("revocation")?;
        return match Postgresql::start(&directory.0)? {
            Some(postgresql) => revocation::measure_all(&directory.0, &postgresql).await,
            None => Err(POSTGRESQL_NOT_FOUND.into()),
        };
    }
    if args.lists {
        return lists::measure_all(args.only, Duration::from_secs(args.seconds)).await;
    }
    if args.points {
        return points::measure_all(args.only).await;
    }
    if args.sessions {
        return sessions::measure_all(args.only, Duration::from_secs(args.seconds)).await;
    }
    if args.resources {
        return resources::measure_all().await;
    }
    if args.sign_in {
        sign_in::measure_hash(Duration::from_secs(args.seconds))?;
    } else if !args.throughput {
        floor::measure_all(args.only, Duration::from_secs(args.seconds)).await?;
        return resources::measure_all().await;
    }
    println!("{HEAD}");
    if args.only != Some(Kind::Postgresql) {
        let directory = Directory::new("sqlite")?;
        let server = Server::start(&directory.0, &[])?;
        measure_all(args, "sqlite", &server, None).await?;
    }
    if args.only != Some(Kind::Sqlite) {
        let directory = Directory::new("postgresql")?;
        match Postgresql::start(&directory.0)? {
            Some(postgresql) => {
                let server = Server::start(&directory.0, &[("DATABASE_URL", &postgresql.url())])?;
                measure_all(args, "postgresql", &server, Some(&postgresql)).await?;
            }
            None => println!("{POSTGRESQL_NOT_FOUND}"),
        }
    }
    Ok(())
}

/// Fills the database through the API, then measures each kind of request in turn.
async fn measure_all(
    args: &Args,
    database: &str,
    server: &Server,
    postgresql: Option<&Postgresql>,
) -> Result<()> {
    let duration = Duration::from_secs(args.seconds);
    let mut connection = Connection::open(server.address).await?;
    let (person, ids) = sign_up(&mut connection, server, 0, TASKS).await?;
    let mut creates = Vec::new();
    for number in 1..=OTHER_USERS {
        let (other, _) = sign_up(&mut connection, server, number, OTHER_USERS_TASKS).await?;
        creates.push(create(server, &other));
    }
    let page = server.request(Some(&person), PAGE, json!({}), r#""hasNextPage":true"#);
    if args.sign_in {
        return sign_in::measure_all(database, server, postgresql, page, duration).await;
    }
    let ones = ids
        .iter()
        .map(|id| server.request(Some(&person), TASK_BY_ID, json!({ "id": id }), id));
    let nothing = |person| vec![server.request(person, TYPENAME, json!({}), "Query")];
    for (name, requests) in [
        ("__typename, anonymous", nothing(None)),
        ("__typename, signed in", nothing(Some(&person))),
        ("page of 50 tasks", vec![page]),
        ("one task by id", ones.collect()),
        ("createTask, one user", vec![create(server, &person)]),
        ("createTask, 20 users", creates),
    ] {
        let measured =
            measure(server, postgresql, &requests.into(), Pace::AtOnce, duration).await?;
        println!("{database:<11}{name:<25}{}", measured.row());
    }
    Ok(())
}

/// Signs a user up and creates their tasks. Returns the access token and the ids of the tasks.
async fn sign_up(
    connection: &mut Connection,
    server: &Server,
    number: usize,
    tasks: usize,
) -> Result<(String, Vec<String>)> {
    let input = json!({ "email": address_of(number), "password": PASSWORD });
    let request = server.request(
        None,
        SIGN_UP,
        json!({ "input": input }),
        r#""userErrors":[]"#,
    );
    let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
    let token = text(&answer, "/data/signUp/tokens/accessToken")?;
    let request = create(server, &token);
    let mut ids = Vec::new();
    for _ in 0..tasks {
        let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
        ids.push(text(&answer, "/data/createTask/task/id")?);
    }
    Ok((token, ids))
}

fn address_of(number: usize) -> String {
    format!("p{number}@example.com")
}

fn create(server: &Server, token: &str) -> Request {
    let input = json!({ "title": "Water the plants on the balcony", "priority": "HIGH" });
    server.request(
        Some(token),
        CREATE,
        json!({ "input": input }),
        r#""userErrors":[]"#,
    )
}

fn text(answer: &Value, pointer: &str) -> Result<String> {
    match answer.pointer(pointer) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(format!("{pointer} is missing in {answer}").into()),
    }
}

/// The results for one kind of request.
struct Measured {
    duration: Duration,
    /// The latency of each request, shortest first.
    latencies: Vec<Duration>,
    server_cpu: Duration,
    /// `None` for SQLite, which runs inside the server.
    database_cpu: Option<Duration>,
    load_cpu: Duration,
}

/// Sends the requests in turn on every connection, and measures after the warm-up.
async fn measure(
    server: &Server,
    postgresql: Option<&Postgresql>,
    requests: &Arc<[Request]>,
    pace: Pace,
    duration: Duration,
) -> Result<Measured> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + duration;
    let mut load = JoinSet::new();
    for number in 0..CONNECTIONS {
        let connection = Connection::open(server.address).await?;
        load.spawn(send_until(
            connection,
            Arc::clone(requests),
            number,
            pace,
            begin,
            end,
        ));
    }
    let cpu = || -> Result<_> {
        Ok([
            cpu::of_process(server.id())?,
            postgresql.map_or(Ok(Duration::ZERO), Postgresql::cpu)?,
            cpu::of_process(std::process::id())?,
        ])
    };
    tokio::time::sleep_until(begin).await;
    let before = cpu()?;
    tokio::time::sleep_until(end).await;
    let after = cpu()?;

    let mut latencies = Vec::new();
    while let Some(sent) = load.join_next().await {
        latencies.extend(sent??);
    }
    latencies.sort_unstable();
    Ok(Measured {
        duration,
        latencies,
        server_cpu: after[0] - before[0],
        database_cpu: postgresql.map(|_| after[1] - before[1]),
        load_cpu: after[2] - before[2],
    })
}

/// The rule for the time of a connection's next request.
#[derive(Clone, Copy)]
enum Pace {
    /// Immediately after the response to the last request.
    AtOnce,
    /// At a fixed interval, or immediately if the last response came later.
    Every(Duration),
}

/// Sends the requests in a loop on one connection. Returns the latencies of the requests that ended
/// between `begin` and `end`, measured from the time at which each was due.
async fn send_until(
    mut connection: Connection,
    requests: Arc<[Request]>,
    number: usize,
    pace: Pace,
    begin: Instant,
    end: Instant,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let first = number * requests.len() / CONNECTIONS;
    let mut due = Instant::now();
    if let Pace::Every(interval) = pace {
        due += interval * u32::try_from(number)? / u32::try_from(CONNECTIONS)?;
    }
    for request in requests.iter().cycle().skip(first) {
        match pace {
            Pace::AtOnce => due = Instant::now(),
            Pace::Every(_) => tokio::time::sleep_until(due).await,
        }
        connection.send(request).await?;
        let answered = Instant::now();
        if answered > end {
            break;
        }
        if answered > begin {
            latencies.push(answered - due);
        }
        if let Pace::Every(interval) = pace {
            due += interval;
        }
    }
    Ok(latencies)
}

impl Measured {
    /// Returns the CPU time of server and database for 1,000 requests, in milliseconds.
    fn cpu_per_1000(&self) -> f64 {
        let cpu = self.server_cpu + self.database_cpu.unwrap_or_default();
        cpu.as_secs_f64() * 1_000_000.0 / self.latencies.len() as f64
    }

    /// Returns the median latency in milliseconds.
    fn median(&self) -> f64 {
        let median = self.latencies.get(self.latencies.len() / 2);
        median.map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }

    fn row(&self) -> String {
        let count = self.latencies.len();
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let per_1000 = |cpu: Duration| millis(cpu) * 1000.0 / count as f64;
        format!(
            "{:>9.0}{:>12.0}{:>12}{:>12.0}{:>10}{:>10}",
            count as f64 / self.duration.as_secs_f64(),
            per_1000(self.server_cpu),
            self.database_cpu
                .map_or("-".to_owned(), |cpu| format!("{:.0}", per_1000(cpu))),
            per_1000(self.load_cpu),
            percentile(&self.latencies, 50),
            percentile(&self.latencies, 99),
        )
    }
}

/// Formats a percentile of sorted latencies in milliseconds.
fn percentile(latencies: &[Duration], percent: usize) -> String {
    match latencies.get(latencies.len() * percent / 100) {
        Some(latency) => format!("{:.2}", latency.as_secs_f64() * 1000.0),
        None => "-".to_owned(),
    }
}

/// A new temporary directory, removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("cubby-load-{}-{name}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            println!("{} cannot be removed: {error}", self.0.display());
        }
    }
}
