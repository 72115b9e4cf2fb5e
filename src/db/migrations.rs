//! Running and reverting migrations.

use migration::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::{connect, database::Database, failure::DbResult};

/// The key of the advisory lock under which PostgreSQL is migrated: any number that no other program uses.
const MIGRATION_LOCK: i64 = 0x6375_6262_7921;

impl Database {
    /// Runs all pending migrations, in one transaction and under a lock, so that two instances that start at once
    /// run each of them once.
    ///
    /// # Errors
    /// Fails if a migration fails; nothing is changed then.
    pub async fn migrate_up(&self) -> DbResult<()> {
        let connection = connect::open_for_migrations(&self.url).await?;
        let transaction = begin_migrating(&connection).await?;
        Migrator::up(&transaction, None).await?;
        transaction.commit().await?;
        connection.close().await
    }

    /// Reverts the last `steps` migrations, and deletes the data that they added.
    ///
    /// # Errors
    /// Fails if one cannot be reverted; nothing is changed then.
    pub async fn migrate_down(&self, steps: u32) -> DbResult<()> {
        let connection = connect::open_for_migrations(&self.url).await?;
        let transaction = begin_migrating(&connection).await?;
        Migrator::down(&transaction, Some(steps)).await?;
        transaction.commit().await?;
        connection.close().await
    }

    /// The name of each migration, with true if it has run. Changes nothing.
    ///
    /// # Errors
    /// Fails if the query fails.
    pub async fn migrations(&self) -> DbResult<Vec<(String, bool)>> {
        let migrations = Migrator::get_migration_with_status_read_only(&self.reads).await?;
        Ok(migrations
            .iter()
            .map(|migration| {
                (
                    migration.name().to_owned(),
                    migration.status() == MigrationStatus::Applied,
                )
            })
            .collect())
    }
}

async fn begin_migrating(connection: &DatabaseConnection) -> DbResult<DatabaseTransaction> {
    let transaction = connection.begin_with_options(immediate()).await?;
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        // Held until the transaction ends: a session's lock would outlive it behind a pooler.
        transaction
            .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            .await?;
    }
    Ok(transaction)
}

fn immediate() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}
