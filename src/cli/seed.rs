//! `cubby seed`: stores sample users and tasks.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the result goes to the terminal"
)]

use clap::Args;

use super::{log, progress};
use crate::{
    clock::Clock,
    config::{Config, whole_number},
    identity::HashCost,
    seed::{Seed, SeedError},
    server::{Server, StartError},
};

#[derive(Args)]
pub struct SeedArgs {
    /// The number of users, 1 to 1000000
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        value_parser = whole_number(1..=1_000_000)
    )]
    users: u32,
    /// The number of tasks of each user, 0 to 1000000
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        value_parser = whole_number(0..=1_000_000)
    )]
    tasks: u32,
    /// The domain of the addresses, person-1@DOMAIN and so on [default: a random one under example.com]
    #[arg(long)]
    domain: Option<String>,
    /// The password of all sample users [default: a random one, which is printed]
    #[arg(long)]
    password: Option<String>,
}

/// Stores the sample data, and prints how to sign in.
///
/// # Errors
/// Fails if an address has an account already, or if the database cannot be used.
pub async fn run(config: &Config, args: SeedArgs) -> Result<(), StartError> {
    log::start(config, config.mode()?);
    let server = Server::open(config, Clock::system(), HashCost::production()).await?;
    let seed = Seed::new(args.users, args.tasks, args.domain, args.password)?;
    let bar = progress::bar(u64::from(seed.users) * u64::from(seed.tasks), "tasks");
    let seeded = tokio::select! {
        seeded = server.seed(&seed, |stored| bar.inc(stored as u64)) => seeded,
        _ = tokio::signal::ctrl_c() => Err(SeedError::Failed("interrupted by a signal".to_owned()).into()),
    };
    bar.finish_and_clear();
    match &seeded {
        Ok(()) => println!(
            "Stored {seed}. Sign in as person-1@{} with the password {}",
            seed.domain, seed.password
        ),
        Err(StartError::Seed(SeedError::Failed(_))) => eprintln!(
            "The stored users at {} sign in with the password {}",
            seed.domain, seed.password
        ),
        Err(_) => {}
    }
    seeded
}
