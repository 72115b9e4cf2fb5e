//! Runs short transactions on the calling thread, and commits together those that have queued.
//!
//! Transactions run one after another on one connection, each in a savepoint of a group. The thread
//! that will commit the group queues behind the transactions that are waiting when the group begins,
//! so one commit, and one wait for the disk, stores all of them. Every transaction waits for that
//! commit before its request is answered. So does one that is rolled back, since it may have read
//! what the others have written.

use std::{
    future::ready,
    path::PathBuf,
    sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError},
};

use sea_orm::{DatabaseBackend, DbErr, Statement};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, watch};

use super::connection::{Inline, Limits, is_long};
use crate::{
    db::{
        failure::{DbResult, inline_error, rolled_back_by_another},
        pool::closed,
        read_pool::retry_while_unavailable,
        row::Row,
        session_end_announcement::{Announced, announcement},
        timeouts::STATEMENT_TIMEOUT,
        transaction::Unfinished,
    },
    id::UserId,
};

const LIMITS: Limits = Limits {
    max_checks: u32::MAX,
    max_time: STATEMENT_TIMEOUT,
};

/// The connection for transactions on the calling thread.
pub(in crate::db) struct InlineWrites(Arc<Mutex<Writer>>);

struct Writer {
    file: PathBuf,
    /// `None` before the first transaction and after a failure.
    connection: Option<Inline>,
    /// The transactions that have not been committed.
    group: Option<Group>,
    groups: u64,
    is_closed: bool,
}

/// An open transaction of SQLite.
struct Group {
    number: u64,
    /// The result of the commit.
    end: watch::Sender<Option<DbResult<()>>>,
    /// The permit to write, which the driver's transactions also need.
    _turn: OwnedSemaphorePermit,
}

/// A transaction of a group, rolled back when it is dropped.
pub(crate) struct GroupedTransaction {
    savepoint: SyncMutex<Savepoint>,
    ended: Announced,
    end: watch::Receiver<Option<DbResult<()>>>,
    _share: Option<OwnedSemaphorePermit>,
}

struct Savepoint {
    writer: OwnedMutexGuard<Writer>,
    is_released: bool,
}

impl InlineWrites {
    /// Creates the writes of a database without opening the connection.
    pub(in crate::db) fn new(file: PathBuf) -> Self {
        Self(Arc::new(Mutex::new(Writer {
            file,
            connection: None,
            group: None,
            groups: 0,
            is_closed: false,
        })))
    }

    /// Begins a transaction. The first one of a group waits for `turn`, the permit to write.
    pub(in crate::db) async fn begin<E: From<DbErr>>(
        &self,
        share: Option<OwnedSemaphorePermit>,
        turn: impl Future<Output = Result<OwnedSemaphorePermit, E>>,
    ) -> Result<GroupedTransaction, E> {
        let mut writer = Arc::clone(&self.0).lock_owned().await;
        let end = match writer.open_group() {
            Some(group) => group.end.subscribe(),
            None => {
                let turn = turn.await?;
                retry_while_unavailable(None, || ready(writer.begin())).await?;
                self.open(&mut writer, turn)
            }
        };
        writer.run("SAVEPOINT grouped")?;
        Ok(GroupedTransaction {
            savepoint: SyncMutex::new(Savepoint {
                writer,
                is_released: false,
            }),
            ended: Announced::default(),
            end,
            _share: share,
        })
    }

    /// Opens a group, and starts the thread that will commit it.
    fn open(
        &self,
        writer: &mut Writer,
        turn: OwnedSemaphorePermit,
    ) -> watch::Receiver<Option<DbResult<()>>> {
        let (end, result) = watch::channel(None);
        writer.groups += 1;
        let number = writer.groups;
        writer.group = Some(Group {
            number,
            end,
            _turn: turn,
        });
        let queue = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let mut writer = queue.blocking_lock();
            if writer.group.as_ref().is_some_and(|it| it.number == number) {
                writer.end_group();
            }
        });
        result
    }

    /// Closes the connection after the running transactions.
    pub(in crate::db) async fn close(&self) {
        let mut writer = self.0.lock().await;
        writer.end_group();
        writer.connection = None;
        writer.is_closed = true;
    }
}

impl Writer {
    /// Returns the open group. Ends one that SQLite has rolled back.
    fn open_group(&mut self) -> Option<&Group> {
        if self.is_rolled_back() {
            self.end_group();
        }
        self.group.as_ref()
    }

    /// True if SQLite has rolled back on its own, as on a full disk.
    fn is_rolled_back(&self) -> bool {
        let connection = self.connection.as_ref();
        connection.is_none_or(|inline| inline.connection.is_autocommit())
    }

    fn begin(&mut self) -> DbResult<()> {
        if self.is_closed {
            return Err(closed());
        }
        if self.connection.is_none() {
            let inline = Inline::open(&self.file, LIMITS).map_err(inline_error)?;
            let pragma = |name, value: &str| inline.connection.pragma_update(None, name, value);
            pragma("foreign_keys", "ON").map_err(inline_error)?;
            // A committed transaction survives a power failure.
            pragma("synchronous", "FULL").map_err(inline_error)?;
            self.connection = Some(inline);
        }
        self.run("BEGIN IMMEDIATE")
    }

    fn run(&self, sql: &str) -> DbResult<()> {
        let inline = self.connection.as_ref().ok_or_else(closed)?;
        inline.execute_unprepared(sql).map_err(inline_error)
    }

    /// Commits the group, if one is open, and reports the result to its transactions.
    fn end_group(&mut self) {
        let Some(group) = self.group.take() else {
            return;
        };
        let result = if self.is_rolled_back() {
            Err(rolled_back_by_another())
        } else {
            self.run("COMMIT")
        };
        if result.is_err() {
            // Closing the connection rolls back.
            self.connection = None;
        }
        group.end.send_replace(Some(result));
    }
}

impl GroupedTransaction {
    /// Returns the result of `read` for each row.
    pub(in crate::db) async fn query<R>(
        &self,
        statement: &Statement,
        read: impl FnMut(Row<'_>) -> DbResult<R>,
    ) -> DbResult<Vec<R>> {
        tracing::trace!(sql = statement.sql, "runs in a transaction");
        if is_long(statement) {
            // Lets other tasks of the thread run first.
            tokio::task::yield_now().await;
        }
        let savepoint = self.savepoint();
        let rows = savepoint.inline()?.query(statement, read);
        rows.map_err(inline_error)?
    }

    pub(in crate::db) fn execute_unprepared(&self, sql: &str) -> DbResult<()> {
        let savepoint = self.savepoint();
        let done = savepoint.inline()?.execute_unprepared(sql);
        done.map_err(inline_error)
    }

    pub(in crate::db) fn announce_session_ends(&self, user_id: UserId) {
        self.ended.add(user_id);
    }

    fn savepoint(&self) -> MutexGuard<'_, Savepoint> {
        self.savepoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unfinished for GroupedTransaction {
    /// A statement fails like this only after SQLite has rolled back, and then so does the commit.
    fn has_conflicted(&self) -> bool {
        false
    }

    async fn commit(self) -> DbResult<Vec<UserId>> {
        let ended = self.ended.into_users();
        let savepoint = self.savepoint.into_inner();
        let mut savepoint = savepoint.unwrap_or_else(PoisonError::into_inner);
        for user_id in &ended {
            let statement = announcement(DatabaseBackend::Sqlite, *user_id);
            let done = savepoint.inline()?.query(&statement, |_| Ok(()));
            done.map_err(inline_error)??;
        }
        savepoint.release()?;
        drop(savepoint);
        end_of_group(self.end).await?;
        Ok(ended)
    }

    async fn roll_back(self) -> DbResult<()> {
        let has_lost_group = self.savepoint().writer.is_rolled_back();
        drop(self.savepoint);
        if has_lost_group {
            // The error of its own statement is the result.
            return Ok(());
        }
        end_of_group(self.end).await
    }
}

impl Savepoint {
    /// Returns the connection, unless SQLite has rolled back the group: a statement would then be
    /// stored at once.
    fn inline(&self) -> DbResult<&Inline> {
        match &self.writer.connection {
            Some(inline) if !self.writer.is_rolled_back() => Ok(inline),
            _ => Err(rolled_back_by_another()),
        }
    }

    fn release(&mut self) -> DbResult<()> {
        let done = self.inline()?.execute_unprepared("RELEASE grouped");
        done.map_err(inline_error)?;
        self.is_released = true;
        Ok(())
    }
}

impl Drop for Savepoint {
    fn drop(&mut self) {
        if self.is_released || self.writer.is_rolled_back() {
            return;
        }
        let rolled_back = self.writer.run("ROLLBACK TO grouped");
        if rolled_back.and_then(|()| self.release()).is_err() {
            // Nothing of the group may be committed with this transaction's writes.
            self.writer.connection = None;
        }
    }
}

async fn end_of_group(mut end: watch::Receiver<Option<DbResult<()>>>) -> DbResult<()> {
    let end = end.wait_for(Option::is_some).await;
    let end = end.map_err(|_| closed())?;
    end.clone().unwrap_or_else(|| Err(closed()))
}
