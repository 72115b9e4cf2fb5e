//! Measures the delay until an instance rejects a session that another instance has ended.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    Result,
    client::Connection,
    percentile,
    postgresql::Postgresql,
    relay::{Relay, State},
    server::Server,
    sign_in, sign_up, text,
};

const SIGN_OUT: &str = "mutation { signOut { endedSessions } }";

const ASK: &str = "{ viewer { id } }";

/// The number of sessions that end in each round, each with a connection of its own.
const SESSIONS: usize = 8;

/// The number of rounds.
const ROUNDS: usize = 25;

/// The time for which the other instance serves the sessions before they end, so that it has cached
/// them.
const CACHE_WARM_UP: Duration = Duration::from_millis(300);

/// The time in which the listener reconnects.
const RECONNECT_WAIT: Duration = Duration::from_secs(2);

const HEAD: &str = "
from the response that a session has ended to the first rejection by another instance
                                           count       p50       p99   longest
                                                        ms        ms        ms";

/// Measures two instances on one PostgreSQL. The direct connection of the second one passes a
/// relay.
pub async fn measure_all(directory: &Path, postgresql: &Postgresql) -> Result<()> {
    let sockets = directory.join("relay");
    fs::create_dir(&sockets)?;
    let relay = Relay::start(&sockets, postgresql.sockets())?;
    let (url, direct) = (postgresql.url(), Postgresql::url_at(&sockets));
    let here = Server::start(directory, &[("DATABASE_URL", &url)])?;
    let metrics = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    // On another thread: `start` blocks until the server has connected through the relay, which
    // this thread runs.
    let there = {
        let (directory, url) = (directory.to_owned(), url.clone());
        let starting = tokio::task::spawn_blocking(move || {
            let settings = [
                ("DATABASE_URL", url.as_str()),
                ("CUBBY_DIRECT_DATABASE_URL", &direct),
                ("CUBBY_METRICS_LISTEN", &metrics.to_string()),
                // Hides the warnings about lost connections.
                ("CUBBY_LOG", "error"),
            ];
            Server::start(&directory, &settings)
        });
        starting.await??
    };
    sign_up(&mut Connection::open(here.address).await?, &here, 1, 0).await?;

    println!("{HEAD}");
    for (name, state) in [
        ("listener connected", State::Open),
        ("connection cut just before", State::Cut),
        ("connection silent just before", State::Blocked),
    ] {
        let mut latencies = Vec::new();
        for _ in 0..ROUNDS {
            latencies.extend(end_some(&here, &there, &relay, state).await?);
            if state != State::Open {
                relay.set(State::Cut);
                tokio::time::sleep(RECONNECT_WAIT / 2).await;
                relay.set(State::Open);
                tokio::time::sleep(RECONNECT_WAIT).await;
            }
        }
        latencies.sort_unstable();
        println!(
            "{name:<38}{:>10}{:>10}{:>10}{:>10}",
            latencies.len(),
            percentile(&latencies, 50),
            percentile(&latencies, 99),
            latencies.last().map_or("-".to_owned(), |longest| format!(
                "{:.2}",
                longest.as_secs_f64() * 1000.0
            )),
        );
    }
    println!("\nmeasured by the second instance, by the database's clock:");
    let mut connection = Connection::open(metrics).await?;
    let measured = connection.get(metrics, "/metrics").await?;
    for line in measured
        .lines()
        .filter(|line| line.starts_with("cubby_revocation"))
    {
        println!("{line}");
    }
    Ok(())
}

/// Opens sessions on one instance, sends requests to the other until it has cached them, and ends
/// them on the first. Returns, for each session, the time until the other rejects it.
async fn end_some(
    here: &Server,
    there: &Server,
    relay: &Relay,
    state: State,
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(here.address).await?;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        let answer = connection.send(&sign_in::sign_in(here, 1)).await?;
        let answer: Value = serde_json::from_str(answer)?;
        let token = text(&answer, "/data/signIn/tokens/accessToken")?;
        let asking = Connection::open(there.address).await?;
        sessions.push((token, asking));
    }
    let began = Instant::now();
    while began.elapsed() < CACHE_WARM_UP {
        for (token, asking) in &mut sessions {
            let ask = there.request(Some(token), ASK, json!({}), "user_");
            asking.send(&ask).await?;
        }
    }
    relay.set(state);
    let mut refusals = JoinSet::new();
    for (token, mut asking) in sessions {
        let ask = there.request(Some(&token), ASK, json!({}), "user_");
        let end = here.request(Some(&token), SIGN_OUT, json!({}), r#""endedSessions":1"#);
        connection.send(&end).await?;
        let ended = Instant::now();
        refusals.spawn(async move {
            while asking.send(&ask).await.is_ok() {}
            let latency = ended.elapsed();
            match asking.status() {
                401 => Ok(latency),
                other => Err(format!("rejected with status {other} instead of 401")),
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(latency) = refusals.join_next().await {
        latencies.push(latency??);
    }
    Ok(latencies)
}
