//! Finds out with one cheap query if anything was committed.

use sea_orm::{DatabaseBackend, Statement};

use super::Database;

/// The state of the database's commits: equal to a later one if no process has committed in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommitMark {
    /// The data version that a connection of SQLite sees.
    Version(i64),
    /// The transactions that a snapshot of PostgreSQL sees.
    Snapshot(String),
}

impl Database {
    /// Returns the state of the database's commits, or `None` if the database does not answer.
    pub(crate) async fn commit_mark(&self) -> Option<CommitMark> {
        let reads = &self.reads;
        if reads.backend == DatabaseBackend::Sqlite {
            return reads
                .inline
                .as_ref()?
                .data_version()
                .map(CommitMark::Version);
        }
        let snapshot = "SELECT txid_current_snapshot()::text";
        let snapshot = Statement::from_string(reads.backend, snapshot);
        let row = reads.query_one_once(&snapshot).await.ok()??;
        row.try_get_by_index(0).ok().map(CommitMark::Snapshot)
    }
}
