//! What whoever runs the service opens beside the server: the keys, the people, a copy of the database.

#![expect(
    clippy::disallowed_methods,
    reason = "the database is opened here, for whoever runs commands on it"
)]

use std::path::Path;

use crate::{
    clock::Clock,
    config::{Config, Conflict, DatabaseUrl},
    db::Database,
    identity::{Keys, People},
    server::{StartError, secrets},
};

/// How many connections a command has: one reads while another writes.
const CONNECTIONS: u32 = 2;

/// The signing keys of the database, for whoever lists or rotates them.
///
/// # Errors
/// When the settings contradict each other, or there are no such keys, or the database does not let
/// us in.
pub async fn signing_keys(config: &Config, clock: Clock) -> Result<Keys, StartError> {
    if config.jwt_secret()?.is_some() {
        return Err(Conflict(
            "tokens are signed with CUBBY_JWT_SECRET (HS256), and so there are no keys to list or \
             to rotate: they are those of EdDSA"
                .to_owned(),
        )
        .into());
    }
    let database = existing(config).await?;
    Ok(Keys::new(database, secrets(config)?, clock))
}

/// The people of the database.
///
/// # Errors
/// When there is no database, or it is behind, or it does not let us in.
pub async fn people(config: &Config, clock: Clock) -> Result<People, StartError> {
    let database = existing(config).await?;
    Ok(People::new(
        database,
        clock,
        config.password_policy,
        config.account_limits,
    ))
}

/// Writes a copy of a SQLite database into a file that is not there yet, while it is in use.
///
/// # Errors
/// When the database is PostgreSQL, or there is none, or the file is there, or cannot be written.
pub async fn backup(config: &Config, file: &Path) -> Result<(), StartError> {
    if let DatabaseUrl::Postgres(_) = config.database() {
        return Err(StartError::Backup(
            "the database is PostgreSQL, whose own pg_dump and pg_basebackup make one".to_owned(),
        ));
    }
    let database = existing(config).await?;
    let copied = database.copy_into(file).await;
    database.close().await;
    copied.map_err(StartError::Backup)
}

/// The database that is there, neither made nor migrated by whoever looks after it.
async fn existing(config: &Config) -> Result<Database, StartError> {
    let url = config.database();
    if let Some(file) = Database::missing_file(&url)? {
        return Err(StartError::Missing(file.display().to_string()));
    }
    let database = Database::open(&url, CONNECTIONS).await?;
    let migrations = database.migrations().await?;
    let behind = migrations.iter().filter(|(_, has_run)| !has_run).count();
    if behind > 0 {
        database.close().await;
        return Err(StartError::Behind(behind));
    }
    Ok(database)
}
