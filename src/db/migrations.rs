//! Runs and reverts migrations.

use migration::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use super::{connect, database::Database, failure::DbResult};

/// The key of the PostgreSQL advisory lock for migrations: an arbitrary number.
const MIGRATION_LOCK: i64 = 0x6375_6262_7921;

impl Database {
    /// Runs all pending migrations in one transaction and under a lock, so that each migration runs
    /// once even if two instances start at the same time.
    ///
    /// # Errors
    /// Fails if a migration fails; the database is then unchanged.
    pub async fn migrate_up(&self) -> DbResult<()> {
        let connection = connect::open_for_migrations(&self.url).await?;
        let transaction = begin_migration(&connection).await?;
        Migrator::up(&transaction, None).await?;
        transaction.commit().await?;
        connection.close().await
    }

    /// Reverts the last `steps` migrations and deletes the data of the tables and columns that they
    /// added.
    ///
    /// # Errors
    /// Fails if a migration cannot be reverted; the database is then unchanged.
    pub async fn migrate_down(&self, steps: u32) -> DbResult<()> {
        let connection = connect::open_for_migrations(&self.url).await?;
        let transaction = begin_migration(&connection).await?;
        Migrator::down(&transaction, Some(steps)).await?;
        transaction.commit().await?;
        connection.close().await
    }

    /// Returns the name of each migration, with `true` if it has run. Changes nothing.
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

async fn begin_migration(connection: &DatabaseConnection) -> DbResult<DatabaseTransaction> {
    let transaction = connection.begin_with_options(immediate()).await?;
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        // Released at the end of the transaction. Behind a pooler a session-level lock would
        // outlive this session.
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
