//! Backs up SQLite databases, and updates the statistics of PostgreSQL.

use std::{
    io,
    path::{Path, PathBuf},
};

use sea_orm::DatabaseBackend;

use super::{connect, database::Database, failure::DbResult};
use crate::private_file;

impl Database {
    /// Runs `VACUUM (ANALYZE)` on PostgreSQL after a bulk insert; autovacuum would do so only
    /// minutes later. Does nothing on SQLite.
    pub(crate) async fn vacuum_analyze(&self) -> DbResult<()> {
        if self.reads.backend == DatabaseBackend::Postgres {
            let mut connection = connect::open_without_timeout(&self.url).await?;
            connection.execute_unprepared("VACUUM (ANALYZE)").await?;
            connection.close().await?;
        }
        Ok(())
    }

    /// Writes a consistent copy of a SQLite database, which may be in use, to a new file that only
    /// its owner can read.
    ///
    /// # Errors
    /// Fails if the file exists or cannot be written.
    pub(crate) async fn backup_to(&self, file: &Path) -> Result<(), String> {
        let failed = |error: io::Error| format!("{} cannot be written: {error}", file.display());
        let beside = |what: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(what);
            PathBuf::from(name)
        };
        // SQLite would treat these files as the journal of the copy.
        let mut others = ["-journal", "-wal", "-shm"].map(beside).into_iter();
        if let Some(other) = others.find(|other| other.exists()) {
            return Err(format!(
                "{} already exists: remove it, or choose another file",
                other.display()
            ));
        }
        // The file is created here, with permissions for its owner only: SQLite accepts an empty
        // file, and would create one that others may read.
        drop(private_file::create_file(file).map_err(failed)?);
        let name = file.to_string_lossy().replace('\'', "''");
        let statement = format!("VACUUM INTO '{name}'");
        let copying = async {
            let mut connection = connect::open_without_timeout(&self.url).await?;
            connection.execute_unprepared(&statement).await?;
            connection.close().await
        };
        if let Err(error) = copying.await {
            private_file::remove_file(file).map_err(failed)?;
            // SQLite may not have created it.
            let _ = private_file::remove_file(&beside("-journal"));
            return Err(error.to_string());
        }
        private_file::fsync(file).map_err(failed)
    }
}
