//! The change log of a user: the number of their last change, and of their tasks.

pub(crate) mod entity;

use std::{ops::RangeInclusive, time::Duration};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use self::entity as change_logs;
use super::viewer::Viewer;
use crate::{
    error::{Error, Result},
    id::TaskId,
};

/// The maximum time that a list waits for tasks to follow their owner's time zone.
const MAX_MOVE_WAIT: Duration = Duration::from_secs(10);

/// The interval at which it reads whether they have.
const MOVE_INTERVAL: Duration = Duration::from_millis(20);

/// The name of the column that tells a list whether its owner's tasks are being moved.
pub(super) const IS_MOVING: &str = "is_moving";

impl Viewer {
    /// Makes others who change the viewer's tasks wait until the transaction ends.
    pub(crate) async fn lock_log(&self) -> Result<()> {
        self.take_seqs(0).await.map(drop)
    }

    /// Takes so many numbers at once.
    pub(super) async fn take_seqs(&self, count: usize) -> Result<RangeInclusive<i64>> {
        Ok(self.advance_log(count, None, 0).await?.seqs)
    }

    /// Takes the numbers of so many changes at once, and adds to a counter. Taking a number locks the log until the
    /// transaction ends, so numbers have no gap and come in the order of commits; and of two transactions that take
    /// a number, the second one reads what the first one wrote.
    pub(super) async fn advance_log(
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
        let log = self.write(false, |transaction| {
            let insert = change_logs::Entity::insert(first.clone()).on_conflict(more.clone());
            async move { insert.exec_with_returning(&*transaction).await }
        });
        let log = log.await?;
        Ok(LogEntry {
            seqs: log.seq - changes + 1..=log.seq,
            task_count: log.task_count,
            is_moving: is_moving(&log),
        })
    }

    /// The last number of the viewer's task log, 0 before the first.
    pub(crate) async fn last_seq(&self) -> Result<i64> {
        Ok(self.log().await?.map_or(0, |log| log.seq))
    }

    /// The number of the viewer's tasks, read from one row however many there are.
    pub(crate) async fn task_count(&self) -> Result<i64> {
        Ok(self.log().await?.map_or(0, |log| log.task_count))
    }

    /// Begins to move the viewer's tasks to another time zone; one that is under way begins anew. The caller
    /// holds the log's lock, as for the rest of a move.
    pub(crate) async fn begin_move(&self) -> Result<()> {
        self.write_log(change_logs::ActiveModel {
            moving_session_id: Set(Some(self.session_id())),
            moving_after: Set(None),
            ..Default::default()
        })
        .await
    }

    /// The task after which a move goes on, if there is one before it; nothing while no move is under way.
    pub(crate) async fn moving_after(&self) -> Result<Option<Option<TaskId>>> {
        let log = self.log().await?.filter(is_moving);
        Ok(log.map(|log| log.moving_after))
    }

    /// Notes that a move has passed this task.
    pub(crate) async fn note_moved(&self, last: TaskId) -> Result<()> {
        self.write_log(change_logs::ActiveModel {
            moving_after: Set(Some(last)),
            ..Default::default()
        })
        .await
    }

    /// Ends a move.
    pub(crate) async fn end_move(&self) -> Result<()> {
        self.write_log(change_logs::ActiveModel {
            moving_session_id: Set(None),
            moving_after: Set(None),
            ..Default::default()
        })
        .await
    }

    /// Has a move that is under way finished in the background.
    pub(crate) fn finish_move(&self) {
        self.0.changes.moves.notify_one();
    }

    /// Waits until no move is under way.
    pub(super) async fn moved(&self) -> Result<()> {
        self.finish_move();
        let moved = async {
            while self.log().await?.as_ref().is_some_and(is_moving) {
                tokio::time::sleep(MOVE_INTERVAL).await;
            }
            Ok(())
        };
        let moved = tokio::time::timeout(MAX_MOVE_WAIT, moved).await;
        moved.map_err(|_| Error::Unavailable)?
    }

    async fn write_log(&self, changes: change_logs::ActiveModel) -> Result<()> {
        let update = change_logs::Entity::update_many()
            .set(changes)
            .filter(change_logs::Column::UserId.eq(self.user_id()));
        self.write(false, |transaction| {
            let update = update.clone();
            async move { update.exec(&*transaction).await }
        })
        .await
        .map(drop)
    }

    pub(super) async fn log(&self) -> Result<Option<change_logs::Model>> {
        let log = change_logs::Entity::find_by_id(self.owner());
        Ok(log.one(&self.0.connection).await?)
    }

    /// Whether the viewer's tasks have yet to follow their time zone; null before their first change.
    pub(super) fn is_moving(&self) -> Expr {
        let is_moving = Query::select()
            .expr(Expr::col(change_logs::Column::MovingSessionId).is_not_null())
            .from(change_logs::Entity)
            .and_where(change_logs::Column::UserId.eq(self.user_id()))
            .take();
        Expr::SubQuery(None, Box::new(is_moving.into()))
    }
}

/// The entry of changes in their owner's log.
pub(crate) struct LogEntry {
    pub(super) seqs: RangeInclusive<i64>,
    /// The number of the owner's tasks after the change.
    pub(crate) task_count: i64,
    /// Whether tasks have yet to follow the owner's time zone.
    pub(super) is_moving: bool,
}

impl LogEntry {
    /// The last number that was taken.
    pub(super) fn seq(&self) -> i64 {
        *self.seqs.end()
    }
}

pub(super) fn is_moving(log: &change_logs::Model) -> bool {
    log.moving_session_id.is_some()
}

pub(super) fn signed(count: usize) -> Result<i64> {
    i64::try_from(count)
        .map_err(|_| Error::internal(DbErr::Custom("more numbers than there are".to_owned())))
}
