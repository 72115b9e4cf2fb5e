//! Numbers the changes of each user, counts their tasks, and tracks the rescheduling of floating
//! due times.

pub(crate) mod entity;

use std::{ops::RangeInclusive, time::Duration};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use self::entity as change_logs;
use super::viewer::{Viewer, all_of};
use crate::{
    db::Row,
    error::{Error, Result},
    id::TaskId,
};

/// The maximum time that a list waits until floating due times have been rescheduled to their
/// owner's time zone.
const MAX_RESCHEDULE_WAIT: Duration = Duration::from_secs(10);

/// The interval at which a waiting list checks for the end of the rescheduling.
const RESCHEDULE_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The result column that is true while the owner's floating due times are being rescheduled.
pub(super) const IS_RESCHEDULING: &str = "is_moving";

impl Viewer {
    /// Locks the viewer's change log: other transactions that change the viewer's tasks wait until
    /// this transaction ends.
    pub(crate) async fn lock_user(&self) -> Result<()> {
        self.reserve_seqs(0).await.map(drop)
    }

    /// Takes the next `count` change numbers.
    pub(super) async fn reserve_seqs(&self, count: usize) -> Result<RangeInclusive<i64>> {
        Ok(self.take_change_numbers(count, None, 0).await?.seqs)
    }

    /// Takes the next `changes` change numbers, and adds `added` to `counter`.
    ///
    /// Taking a number locks the log until the transaction ends. So numbers have no gaps and follow
    /// the order of commits, and of two transactions that take a number the second reads the writes
    /// of the first.
    pub(super) async fn take_change_numbers(
        &self,
        changes: usize,
        counter: Option<change_logs::Column>,
        added: i64,
    ) -> Result<LogEntry> {
        let changes = signed(changes)?;
        let mut first = change_logs::ActiveModel {
            user_id: Set(self.owner()),
            seq: Set(changes),
            task_count: Set(0),
            ..Default::default()
        };
        let plus = |column: change_logs::Column, more: i64| {
            let stored = Expr::col((change_logs::Entity, column));
            (column, stored.add(more))
        };
        let mut more = vec![plus(change_logs::Column::Seq, changes)];
        if let Some(counter) = counter {
            first.set(counter, added.into());
            more.push(plus(counter, added));
        }
        let more = OnConflict::column(change_logs::Column::UserId)
            .values(more)
            .to_owned();
        let insert = change_logs::Entity::insert(first).on_conflict(more);
        let mut insert = insert.into_query();
        insert.returning(all_of::<change_logs::Entity>());
        let insert = [self.statement(&insert)];
        let log = self.write(false, &insert, read_log).await?.pop();
        let log = log.ok_or_else(|| Error::bug("an upsert returned no row"))?;
        Ok(LogEntry {
            seqs: log.seq - changes + 1..=log.seq,
            task_count: log.task_count,
            is_moving: is_moving(&log),
        })
    }

    /// Returns the number of the viewer's last change, or 0 before the first.
    pub(crate) async fn last_seq(&self) -> Result<i64> {
        Ok(self.log().await?.map_or(0, |log| log.seq))
    }

    /// Returns the number of the viewer's tasks, from a stored counter.
    pub(crate) async fn task_count(&self) -> Result<i64> {
        Ok(self.log().await?.map_or(0, |log| log.task_count))
    }

    /// Begins to reschedule the viewer's floating due times to another time zone, and restarts a
    /// rescheduling that is already running. The caller must hold the lock of the log, as for the
    /// other steps of a rescheduling.
    pub(crate) async fn begin_reschedule(&self) -> Result<()> {
        self.write_log(change_logs::ActiveModel {
            moving_session_id: Set(Some(self.session_id())),
            moving_after: Set(None),
            ..Default::default()
        })
        .await
    }

    /// Returns the task after which the rescheduling continues: `Some(None)` before the first task,
    /// `None` if no rescheduling is running.
    pub(crate) async fn moving_after(&self) -> Result<Option<Option<TaskId>>> {
        let log = self.log().await?.filter(is_moving);
        Ok(log.map(|log| log.moving_after))
    }

    /// Records the last task that the rescheduling has processed.
    pub(crate) async fn record_rescheduled(&self, last: TaskId) -> Result<()> {
        self.write_log(change_logs::ActiveModel {
            moving_after: Set(Some(last)),
            ..Default::default()
        })
        .await
    }

    /// Ends the rescheduling.
    pub(crate) async fn end_reschedule(&self) -> Result<()> {
        self.write_log(change_logs::ActiveModel {
            moving_session_id: Set(None),
            moving_after: Set(None),
            ..Default::default()
        })
        .await
    }

    /// Signals the background task to finish a running rescheduling.
    pub(crate) fn signal_reschedule(&self) {
        self.0.changes.moves.notify_one();
    }

    /// Waits until no rescheduling is running.
    ///
    /// # Errors
    /// Returns [`Error::Unavailable`] after ten seconds.
    pub(super) async fn moved(&self) -> Result<()> {
        self.signal_reschedule();
        let moved = async {
            while self.log().await?.as_ref().is_some_and(is_moving) {
                tokio::time::sleep(RESCHEDULE_POLL_INTERVAL).await;
            }
            Ok(())
        };
        let moved = tokio::time::timeout(MAX_RESCHEDULE_WAIT, moved).await;
        moved.map_err(|_| Error::Unavailable)?
    }

    async fn write_log(&self, changes: change_logs::ActiveModel) -> Result<()> {
        let update = change_logs::Entity::update_many()
            .set(changes)
            .filter(change_logs::Column::UserId.eq(self.user_id()));
        let update = self.statement(&update.into_query());
        self.write(false, &[update], |_| Ok(())).await.map(drop)
    }

    pub(super) async fn log(&self) -> Result<Option<change_logs::Model>> {
        let log = change_logs::Entity::find_by_id(self.owner()).into_query();
        let log = self.read(&self.statement(&log), read_log).await?;
        Ok(log.into_iter().next())
    }

    /// An SQL expression that is true while a rescheduling is running; null before the viewer's
    /// first change.
    pub(super) fn is_moving(&self) -> Expr {
        let is_moving = Query::select()
            .expr(Expr::col(change_logs::Column::MovingSessionId).is_not_null())
            .from(change_logs::Entity)
            .and_where(change_logs::Column::UserId.eq(self.user_id()))
            .take();
        Expr::SubQuery(None, Box::new(is_moving.into()))
    }
}

/// The numbers of new changes, and the state of their owner's change log.
pub(crate) struct LogEntry {
    pub(super) seqs: RangeInclusive<i64>,
    /// The number of the owner's tasks after the change.
    pub(crate) task_count: i64,
    /// True while floating due times still have to be rescheduled to the owner's time zone.
    pub(super) is_moving: bool,
}

impl LogEntry {
    /// Returns the last number of the entry.
    pub(super) fn seq(&self) -> i64 {
        *self.seqs.end()
    }
}

fn read_log(row: Row<'_>) -> std::result::Result<change_logs::Model, DbErr> {
    row.model::<change_logs::Entity>()
}

pub(super) fn is_moving(log: &change_logs::Model) -> bool {
    log.moving_session_id.is_some()
}

pub(super) fn signed(count: usize) -> Result<i64> {
    i64::try_from(count).map_err(|_| {
        Error::internal(DbErr::Custom(
            "a number of changes exceeds the range of i64".to_owned(),
        ))
    })
}
