//! Measures the CPU time of a change that a subscriber of its user receives.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::StreamExt;
use serde_json::json;

use crate::{
    Pace, Result,
    client::{Connection, Request},
    cpu, create, measure,
    postgresql::Postgresql,
    resources::open_stream,
    seed::{seed, sign_in},
    server::Server,
};

/// The number of users, each with one subscriber.
const USERS: u32 = 100;

/// The number of tasks that each user creates.
const ROUNDS: usize = 30;

/// The time in which all subscriptions start.
const STARTING: Duration = Duration::from_secs(2);

const PAGE_OF_ONE: &str = "{ viewer { tasks(first: 1) { nodes { id title completed priority createdAt } pageInfo { hasNextPage endCursor } } } }";

const CHANGES: &str = "subscription { taskChanges { kind version node { ... on Task { id title completed priority createdAt } } } }";

/// Prints the CPU time of a page of one task and of a change for one subscriber.
pub async fn compare(
    database: &str,
    directory: &Path,
    settings: &[(&str, &str)],
    server: &Server,
    postgresql: Option<&Postgresql>,
    duration: Duration,
) -> Result<()> {
    seed(directory, settings, USERS, 1)?;
    let mut connection = Connection::open(server.address).await?;
    let mut tokens = Vec::new();
    for number in 1..=USERS {
        tokens.push(sign_in(&mut connection, server, number, 1).await?);
    }
    let pages = tokens
        .iter()
        .map(|token| server.request(Some(token), PAGE_OF_ONE, json!({}), "endCursor"));
    let page = measure(server, postgresql, &pages.collect(), Pace::AtOnce, duration).await?;
    let page = page.cpu_per_1000();

    let creates: Arc<[Request]> = tokens.iter().map(|token| create(server, token)).collect();
    let cpu = || -> Result<Duration> {
        let database = postgresql.map_or(Ok(Duration::ZERO), Postgresql::cpu)?;
        Ok(cpu::of_process(server.id())? + database)
    };
    let mut used = Vec::new();
    let mut sockets = Vec::new();
    for is_subscribed in [false, true] {
        if is_subscribed {
            for token in &tokens {
                sockets.push(open_stream(server, token, CHANGES).await?);
            }
            tokio::time::sleep(STARTING).await;
        }
        let before = cpu()?;
        for _ in 0..ROUNDS {
            for create in &*creates {
                connection.send(create).await?;
            }
            for socket in &mut sockets {
                let event = socket.next().await.ok_or("a socket was closed")??;
                if !event.to_text()?.contains("UPSERT") {
                    return Err(format!("not a change: {event}").into());
                }
            }
        }
        used.push(cpu()? - before);
    }
    let changes = f64::from(USERS) * ROUNDS as f64;
    let change = (used[1].saturating_sub(used[0])).as_secs_f64() * 1_000_000.0 / changes;
    println!(
        "{database:<11}{:<25}{page:>11.0}{change:>10.0}{:>10.2}",
        "page of 1, live change",
        change / page
    );
    Ok(())
}
