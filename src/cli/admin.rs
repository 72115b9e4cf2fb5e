//! The database, the signing keys and the accounts, opened for a command beside running instances.

use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    db::Database,
    identity::{AdminError, HashCost, Keys, UserAdmin},
    server::{StartError, secrets},
};

/// The connections of a command: one reads while another writes.
const CONNECTIONS: u32 = 2;

/// Opens the signing keys of an existing database.
///
/// # Errors
/// Fails if the settings contradict each other, if tokens are signed with HS256, or if the database
/// cannot be opened.
pub async fn signing_keys(config: &Config, clock: Clock) -> Result<Keys, StartError> {
    if config.jwt_secret()?.is_some() {
        return Err(ConfigError(
            "tokens are signed with CUBBY_JWT_SECRET (HS256), and so there are no keys to list or \
             to rotate: they are those of EdDSA"
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

/// Opens the database, which is neither created nor migrated.
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
