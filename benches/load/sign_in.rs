//! Measures a flood of sign-ins, compares it with the password hash alone, and measures its effect
//! on reads.

use std::{
    hint::black_box,
    num::NonZeroUsize,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use argon2::{Argon2, Block};
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    CONNECTIONS, PASSWORD, Pace, Result, address_of,
    client::{Connection, Request},
    cpu, measure, percentile,
    postgresql::Postgresql,
    server::Server,
};

pub const SIGN_IN: &str = "mutation ($input: SignInInput!) { signIn(input: $input) { tokens { accessToken } userErrors { message } } }";

/// The interval of each connection's reads in the light load.
const READ_INTERVAL: Duration = Duration::from_millis(40);

/// The time after which a rejected client retries.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Prints the rate and the CPU time of hashes on this machine, with Argon2's default parameters, which
/// Cubby uses.
pub fn measure_hash(duration: Duration) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    for (what, keeps_memory) in [
        ("memory reused", true),
        ("memory allocated each time", false),
    ] {
        let count = AtomicUsize::new(0);
        let is_over = AtomicBool::new(false);
        let before = cpu::of_process(process::id())?;
        thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    let argon2 = Argon2::default();
                    let blocks = argon2.params().block_count();
                    let mut memory = vec![Block::new(); blocks];
                    let mut output = [0; 32];
                    while !is_over.load(Ordering::Relaxed) {
                        if !keeps_memory {
                            memory = vec![Block::new(); blocks];
                        }
                        let (password, salt) = (PASSWORD.as_bytes(), b"sixteen bytes of");
                        argon2
                            .hash_password_into_with_memory(
                                password,
                                salt,
                                &mut output,
                                &mut memory,
                            )
                            .expect("the parameters of the hash are valid");
                        black_box(&output);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            thread::sleep(duration);
            is_over.store(true, Ordering::Relaxed);
        });
        let used = cpu::of_process(process::id())? - before;
        let count = count.into_inner() as f64;
        let (rate, millis) = (
            count / duration.as_secs_f64(),
            used.as_secs_f64() * 1000.0 / count,
        );
        println!(
            "the hash alone on {cores} cores, {what}: {rate:.0} per s, {millis:.1} ms of CPU each"
        );
    }
    Ok(())
}

/// Measures sign-ins, and pages of tasks without and during a flood of sign-ins.
pub async fn measure_all(
    database: &str,
    server: &Server,
    postgresql: Option<&Postgresql>,
    page: Request,
    duration: Duration,
) -> Result<()> {
    let report = |name: &str, row: String| println!("{database:<11}{name:<25}{row}");
    let sign_ins: Arc<[Request]> = (1..=CONNECTIONS).map(|it| sign_in(server, it)).collect();
    let measured = measure(server, postgresql, &sign_ins, Pace::AtOnce, duration).await?;
    report("signIn, 16 users", measured.row());

    let page = Arc::from([page]);
    for (name, pace) in [
        ("page, every 40 ms", Pace::Every(READ_INTERVAL)),
        ("page, continuously", Pace::AtOnce),
    ] {
        for is_flooded in [false, true] {
            if !is_flooded {
                let measured = measure(server, postgresql, &page, pace, duration).await?;
                report(name, measured.row());
                continue;
            }
            let flood = Flood::start(server, &sign_ins).await?;
            let measured = measure(server, postgresql, &page, pace, duration).await?;
            report("  during 16 sign-ins", measured.row());
            println!("{:<36}{}", "", flood.stop().await?);
        }
    }
    Ok(())
}

/// Returns the request that signs in a user.
pub fn sign_in(server: &Server, number: usize) -> Request {
    let input = json!({ "email": address_of(number), "password": PASSWORD });
    let variables = json!({ "input": input });
    server.request(None, SIGN_IN, variables, r#""userErrors":[]"#)
}

/// Users who sign in in a loop.
struct Flood {
    started: Instant,
    is_over: Arc<AtomicBool>,
    people: JoinSet<Outcome>,
}

/// The results of one user's sign-ins.
#[derive(Default)]
struct Outcome {
    latencies: Vec<Duration>,
    refused: usize,
}

impl Flood {
    async fn start(server: &Server, sign_ins: &Arc<[Request]>) -> Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut people = JoinSet::new();
        for number in 0..sign_ins.len() {
            let mut connection = Connection::open(server.address).await?;
            let (is_over, sign_ins) = (Arc::clone(&is_over), Arc::clone(sign_ins));
            people.spawn(async move {
                let mut outcome = Outcome::default();
                while !is_over.load(Ordering::Relaxed) {
                    let sent = Instant::now();
                    if connection.send(&sign_ins[number]).await.is_ok() {
                        outcome.latencies.push(sent.elapsed());
                    } else {
                        outcome.refused += 1;
                        tokio::time::sleep(RETRY_AFTER).await;
                    }
                }
                outcome
            });
        }
        Ok(Self {
            started: Instant::now(),
            is_over,
            people,
        })
    }

    /// Stops the flood and returns a summary.
    async fn stop(mut self) -> Result<String> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Outcome::default();
        while let Some(outcome) = self.people.join_next().await {
            let outcome = outcome?;
            all.latencies.extend(outcome.latencies);
            all.refused += outcome.refused;
        }
        let seconds = self.started.elapsed().as_secs_f64();
        all.latencies.sort_unstable();
        Ok(format!(
            "{:.1} sign-ins per s, p50 {} ms, p99 {} ms; {} rejected",
            all.latencies.len() as f64 / seconds,
            percentile(&all.latencies, 50),
            percentile(&all.latencies, 99),
            all.refused,
        ))
    }
}
