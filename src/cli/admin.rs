//! Opens the database, the signing keys and the accounts for commands that run beside instances.

use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    db::Database,
    identity::{AdminError, HashCost, Keys, UserAdmin},
    server::{StartError, secrets},
};

/// The number of database connections of a command: one reads while the other writes.
const CONNECTIONS: u32 = 2;

/// Opens the signing keys of an existing database.
///
/// # Errors
/// Fails if the settings contradict each other, if tokens are signed with HS256, or if the database
/// cannot be opened.
pub async fn signing_keys(config: &Config, clock: Clock) -> Result<Keys, StartError> {
    if config.jwt_secret()?.is_some() {
        return Err(ConfigError(
            "access tokens are signed with CUBBY_JWT_SECRET (HS256), so there are no signing keys to list \
             or rotate: unset CUBBY_JWT_SECRET to use EdDSA keys"
                .to_owned(),
        )
        .into());
    }
    let database = existing_database(config).await?;
    Ok(Keys::new(database, secrets(config)?, clock))
}

/// Opens the accounts of an existing database.
///
/// # Errors
/// Fails if the database does not exist, has pending migrations, or cannot be opened.
pub async fn user_admin(
    config: &Config,
    clock: Clock,
    hash_cost: &HashCost,
) -> Result<UserAdmin, StartError> {
    let database = existing_database(config).await?;
    Ok(UserAdmin::new(
        database,
        clock,
        config.password_policy,
        config.account_limits,
        hash_cost,
    ))
}

/// Runs a command on the accounts, and closes the database after it.
pub(super) async fn with_user_admin(
    config: &Config,
    work: impl AsyncFnOnce(&UserAdmin) -> Result<(), AdminError>,
) -> Result<(), StartError> {
    let people = user_admin(config, Clock::system(), &HashCost::production()).await?;
    let done = work(&people).await;
    people.close().await;
    Ok(done?)
}

/// Opens the database without creating or migrating it.
///
/// # Errors
/// Fails if the database does not exist, has pending migrations, or cannot be opened.
pub(super) async fn existing_database(config: &Config) -> Result<Database, StartError> {
    let url = config.database();
    if let Some(file) = Database::missing_file(&url)? {
        return Err(StartError::NoDatabase(file.display().to_string()));
    }
    let database = Database::open(&url, CONNECTIONS).await?;
    let migrations = database.migrations().await?;
    let pending = migrations.iter().filter(|(_, has_run)| !has_run).count();
    if pending > 0 {
        database.close().await;
        return Err(StartError::PendingMigrations(pending));
    }
    Ok(database)
}
