//! `cubby backup`: copies a SQLite database that is in use.

#![expect(clippy::print_stdout, reason = "the result goes to the terminal")]

use std::path::PathBuf;

use clap::Args;

use super::admin::existing_database;
use crate::{
    config::{Config, DatabaseUrl},
    server::StartError,
};

#[derive(Args)]
pub struct Backup {
    /// The file to create
    file: PathBuf,
}

/// Copies the database into a new file.
///
/// # Errors
/// Fails if the database is PostgreSQL or does not exist, or if the file exists or cannot be written.
pub async fn run(config: &Config, Backup { file }: &Backup) -> Result<(), StartError> {
    if let DatabaseUrl::Postgres(_) = config.database() {
        return Err(StartError::Backup(
            "the database is PostgreSQL, whose own pg_dump and pg_basebackup make one".to_owned(),
        ));
    }
    let database = existing_database(config).await?;
    let copied = database.backup_to(file).await;
    database.close().await;
    copied.map_err(StartError::Backup)?;
    println!(
        "The database is in {}. Keep the secret with it: without the secret every session ends",
        file.display()
    );
    Ok(())
}
