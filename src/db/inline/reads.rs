//! Runs short queries on the calling thread.
//!
//! A query that is not finished within its budget is interrupted, and runs again by the driver; so does
//! one that fails, since the driver's errors are classified.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{DatabaseBackend, Statement};

use super::connection::{Inline, Limits};
use crate::db::{failure::DbResult, row::Row};

/// The limits of a query: a page of 100 tasks needs two checks, and a query that waits for the disk
/// exceeds the time.
const LIMITS: Limits = Limits {
    max_checks: 30,
    max_time: Duration::from_millis(2),
};

/// Connections to one SQLite database, for queries on the calling thread.
pub(in crate::db) struct InlineReads {
    file: PathBuf,
    /// `None` after the database has been closed.
    idle: Mutex<Option<Vec<Inline>>>,
    /// The connection that watches commits: each connection counts them on its own.
    watch: Mutex<Option<Inline>>,
}

impl InlineReads {
    /// Creates the reads of a database without opening a connection.
    pub(in crate::db) fn new(file: PathBuf) -> Self {
        Self {
            file,
            idle: Mutex::new(Some(Vec::new())),
            watch: Mutex::default(),
        }
    }

    /// Returns the result of `read` for each row. `None` if the query was interrupted or failed, or
    /// if it has a parameter of another type: then it must be run by the driver.
    pub(in crate::db) fn query<R>(
        &self,
        statement: &Statement,
        read: impl FnMut(Row<'_>) -> DbResult<R>,
    ) -> Option<DbResult<Vec<R>>> {
        let reader = self.idle().as_mut()?.pop();
        let reader = match reader {
            Some(reader) => reader,
            None => open(&self.file).ok()?,
        };
        let rows = reader.query(statement, read);
        if let Some(idle) = self.idle().as_mut() {
            idle.push(reader);
        }
        match rows {
            Ok(rows) => Some(rows),
            Err(error) => {
                tracing::debug!(%error, "a query is left to the driver");
                None
            }
        }
    }

    /// Returns a number that changes after each commit of another connection, or `None` if the
    /// database does not answer.
    pub(in crate::db) fn data_version(&self) -> Option<i64> {
        let mut watch = self.watch();
        if watch.is_none() {
            *watch = Some(open(&self.file).ok()?);
        }
        let version = Statement::from_string(DatabaseBackend::Sqlite, "PRAGMA data_version");
        let version = watch.as_ref()?.query(&version, |row| row.get(0));
        version.ok()?.ok()?.pop()
    }

    /// Closes every connection.
    pub(in crate::db) fn close(&self) {
        *self.idle() = None;
        *self.watch() = None;
    }

    fn watch(&self) -> MutexGuard<'_, Option<Inline>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Inline>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(file: &Path) -> rusqlite::Result<Inline> {
    let inline = Inline::open(file, LIMITS)?;
    inline.connection.pragma_update(None, "query_only", true)?;
    Ok(inline)
}
