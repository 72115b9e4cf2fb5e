//! Measures the database look-ups and the CPU time of requests by many slow sessions and by a few
//! busy ones.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    CONNECTIONS, Directory, Kind, OTHER_USERS, OTHER_USERS_TASKS, PAGE, POSTGRESQL_NOT_FOUND, Pace,
    Result,
    client::{Connection, Request},
    measure,
    postgresql::Postgresql,
    server::Server,
    sign_up, text,
};

/// The number of personal access tokens of each user: the maximum. Each is a session.
const TOKENS_PER_USER: usize = 100;

/// The number of sessions of the closed loop.
const BUSY_SESSIONS: usize = 50;

/// The interval at which each slow session sends a request.
const SESSION_INTERVAL: Duration = Duration::from_secs(4);

/// The duration of an open loop. Cubby writes a session's last activity once a minute.
const OPEN_LOOP_DURATION: Duration = Duration::from_secs(60);

const TINY: &str = "{ viewer { id } }";

const CREATE_TOKEN: &str = "mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { token userErrors { message } } }";

const HEAD: &str = "
                                               requests    look-ups     CPU ms for 1,000 requests   both, CPU
database   load                  request          per s       per s    server  database      both     ms per s";

pub async fn measure_all(only: Option<Kind>, duration: Duration) -> Result<()> {
    println!("{HEAD}");
    if only != Some(Kind::Postgresql) {
        let directory = Directory::new("sessions-sqlite")?;
        measure_one(&directory, "sqlite", None, duration).await?;
    }
    if only != Some(Kind::Sqlite) {
        let directory = Directory::new("sessions-postgresql")?;
        let postgresql = Postgresql::start(&directory.0)?.ok_or(POSTGRESQL_NOT_FOUND)?;
        measure_one(&directory, "postgresql", Some(&postgresql), duration).await?;
    }
    Ok(())
}

async fn measure_one(
    directory: &Directory,
    database: &str,
    postgresql: Option<&Postgresql>,
    duration: Duration,
) -> Result<()> {
    let metrics = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let metrics_listen = metrics.to_string();
    let url = postgresql.map(Postgresql::url);
    let mut settings: Vec<(&str, &str)> = url.iter().map(|url| ("DATABASE_URL", &**url)).collect();
    settings.push(("CUBBY_METRICS_LISTEN", &metrics_listen));
    let server = Server::start(&directory.0, &settings)?;
    let bench = Bench {
        database,
        server: &server,
        postgresql,
        metrics,
    };
    let tokens = create_tokens(&server).await?;
    let requests = |tokens: &[String], query, expected| -> Arc<[Request]> {
        let request = |token: &String| server.request(Some(token), query, json!({}), expected);
        tokens.iter().map(request).collect()
    };
    for (name, query, expected) in [
        ("viewer's id", TINY, "user_"),
        ("page of 50", PAGE, r#""hasNextPage":true"#),
    ] {
        // The connections start evenly spaced in the list, so the requests of each session are
        // evenly spaced in time.
        let interval =
            SESSION_INTERVAL * u32::try_from(CONNECTIONS)? / u32::try_from(tokens.len())?;
        let slow = requests(&tokens, query, expected);
        let load = format!(
            "{}, every {} s each",
            tokens.len(),
            SESSION_INTERVAL.as_secs()
        );
        let pace = Pace::Every(interval);
        // Reads each session once before the measurement.
        measure(&server, postgresql, &slow, pace, SESSION_INTERVAL).await?;
        bench
            .report(&load, name, &slow, pace, OPEN_LOOP_DURATION)
            .await?;

        let busy = requests(&tokens[..BUSY_SESSIONS], query, expected);
        let load = format!("{BUSY_SESSIONS}, continuously");
        bench
            .report(&load, name, &busy, Pace::AtOnce, duration)
            .await?;
    }
    Ok(())
}

/// Creates the access tokens, ordered so that neighbours belong to different users.
async fn create_tokens(server: &Server) -> Result<Vec<String>> {
    let mut connection = Connection::open(server.address).await?;
    let mut users = Vec::new();
    for number in 1..=OTHER_USERS {
        let (user, _) = sign_up(&mut connection, server, number, OTHER_USERS_TASKS).await?;
        users.push(user);
    }
    let mut tokens = Vec::new();
    for number in 0..TOKENS_PER_USER {
        for user in &users {
            let input = json!({ "input": { "name": format!("script {number}") } });
            let request = server.request(Some(user), CREATE_TOKEN, input, r#""userErrors":[]"#);
            let answer: Value = serde_json::from_str(connection.send(&request).await?)?;
            tokens.push(text(&answer, "/data/createAccessToken/token")?);
        }
    }
    Ok(tokens)
}

/// The server to measure, with its database.
struct Bench<'a> {
    database: &'a str,
    server: &'a Server,
    postgresql: Option<&'a Postgresql>,
    metrics: SocketAddr,
}

impl Bench<'_> {
    /// Measures one load and prints its row.
    async fn report(
        &self,
        load: &str,
        request: &str,
        requests: &Arc<[Request]>,
        pace: Pace,
        duration: Duration,
    ) -> Result<()> {
        let (begun, before) = (Instant::now(), self.database_lookups().await?);
        let measured = measure(self.server, self.postgresql, requests, pace, duration).await?;
        let lookups = (self.database_lookups().await? - before) / begun.elapsed().as_secs_f64();
        let count = measured.latencies.len() as f64;
        let database_cpu = measured.database_cpu.unwrap_or_default();
        let together = measured.server_cpu + database_cpu;
        let per_1000 = |cpu: Duration| cpu.as_secs_f64() * 1_000_000.0 / count;
        println!(
            "{:<11}{load:<22}{request:<12}{:>10.1}{lookups:>12.1}{:>10.0}{:>10.0}{:>10.0}{:>13.1}",
            self.database,
            count / duration.as_secs_f64(),
            per_1000(measured.server_cpu),
            per_1000(database_cpu),
            per_1000(together),
            together.as_secs_f64() * 1000.0 / duration.as_secs_f64(),
        );
        Ok(())
    }

    /// Returns the number of sessions that the server has read from the database.
    async fn database_lookups(&self) -> Result<f64> {
        const SERIES: &str = r#"cubby_session_lookups_total{source="database"} "#;
        let mut connection = Connection::open(self.metrics).await?;
        let text = connection.get(self.metrics, "/metrics").await?;
        let value = text.lines().find_map(|line| line.strip_prefix(SERIES));
        Ok(value.ok_or("no session look-ups in the metrics")?.parse()?)
    }
}
