//! `cubby migrate`: runs, reverts and lists the migrations.

#![expect(
    clippy::print_stdout,
    reason = "the result goes to the terminal; migrations change tables, not one user's rows"
)]

use clap::Subcommand;

use crate::{config::Config, db::Database, server::StartError};

#[derive(Subcommand)]
pub enum Migrate {
    /// Run all pending migrations
    Up,
    /// Revert the latest migrations, and delete the data of their tables
    Down {
        /// The number of migrations to revert
        #[arg(long, value_name = "COUNT", default_value_t = 1)]
        steps: u32,
    },
    /// List all migrations, and show which have run
    Status,
}

/// Migrates the database, and prints the state of each migration.
///
/// # Errors
/// Fails if the database cannot be opened or a migration fails.
pub async fn run(config: &Config, command: Migrate) -> Result<(), StartError> {
    let database = Database::open(&config.direct_database(), 1).await?;
    match command {
        Migrate::Up => database.migrate_up().await?,
        Migrate::Down { steps } => database.migrate_down(steps).await?,
        Migrate::Status => {}
    }
    for (name, has_run) in database.migrations().await? {
        println!("{} {name}", if has_run { "up  " } else { "down" });
    }
    database.close().await;
    Ok(())
}
