//! `cubby backup`: copies a SQLite database into a new file, also while instances use it.

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
    /// The file to create; it must not exist
    file: PathBuf,
}

/// Copies the database into a new file.
///
/// # Errors
/// Fails if the database is PostgreSQL or does not exist, or if the file exists or cannot be written.
pub async fn run(config: &Config, Backup { file }: &Backup) -> Result<(), StartError> {
    if let DatabaseUrl::Postgres(_) = config.database() {
        return Err(StartError::Backup(
            "the database is PostgreSQL. Back it up with pg_dump or pg_basebackup".to_owned(),
        ));
    }
    let database = existing_database(config).await?;
    let copied = database.backup_to(file).await;
    database.close().await;
    copied.map_err(StartError::Backup)?;
    println!(
        "The database was copied to {}. Back up the secret too: without it, all sessions end and all users must \
         sign in again",
        file.display()
    );
    Ok(())
}
