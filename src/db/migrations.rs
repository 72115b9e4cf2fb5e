//! Runs and reverts migrations.

use migration::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use super::{connect, database::Database, failure::DbResult};

/// The key of the PostgreSQL advisory lock for migrations: an arbitrary number.
const MIGRATION_LOCK: i64 = 0x6375_6262_7921;

/// The migrations to run or to revert.
enum Steps {
    AllUp,
    Down(u32),
}

impl Database {
    /// Runs all pending migrations in one transaction and under a lock, so that each migration runs
    /// once even if two instances start at the same time.
    ///
    /// # Errors
    /// Fails if a migration fails; the database is then unchanged.
    pub async fn migrate_up(&self) -> DbResult<()> {
        self.migrate(Steps::AllUp).await
    }

    /// Reverts the last `steps` migrations and deletes the data of the tables and columns that they
    /// added.
    ///
    /// # Errors
    /// Fails if a migration cannot be reverted; the database is then unchanged.
    pub async fn migrate_down(&self, steps: u32) -> DbResult<()> {
        self.migrate(Steps::Down(steps)).await
    }

    async fn migrate(&self, steps: Steps) -> DbResult<()> {
        let connection = connect::open_for_migrations(&self.url).await?;
        let transaction = begin_migration(&connection).await?;
        let pending = Migrator::get_pending_migrations(&transaction).await?;
        if !(matches!(steps, Steps::AllUp) && pending.is_empty()) {
            run(&transaction, steps).await?;
        }
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

/// Runs or reverts migrations.
///
/// # Errors
/// Also if a migration leaves rows that refer to rows that do not exist.
async fn run(transaction: &DatabaseTransaction, steps: Steps) -> DbResult<()> {
    // A client without foreign keys, such as `sqlite3`, may have left some before.
    let before = dangling_rows(transaction).await?;
    match steps {
        Steps::AllUp => Migrator::up(transaction, None).await?,
        Steps::Down(steps) => Migrator::down(transaction, Some(steps)).await?,
    }
    let after = dangling_rows(transaction).await?;
    if after > before {
        let message = format!("{after} rows would refer to rows that do not exist");
        return Err(DbErr::Migration(message));
    }
    Ok(())
}

/// Returns the number of rows that refer to rows that do not exist. PostgreSQL has none.
async fn dangling_rows(transaction: &DatabaseTransaction) -> DbResult<usize> {
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        return Ok(0);
    }
    let check = Statement::from_string(DatabaseBackend::Sqlite, "PRAGMA foreign_key_check");
    Ok(transaction.query_all_raw(check).await?.len())
}

fn immediate() -> TransactionOptions {
    TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    }
}
