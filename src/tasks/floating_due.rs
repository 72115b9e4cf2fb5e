//! Floating due dates: recomputes their instants when their owner's time zone changes.
//!
//! When a user changes their time zone, tasks with a floating due date become due at another instant.
//! They are rewritten in batches. Meanwhile, reads of the user's tasks wait for the last batch
//! (`Owned::DEPENDS_ON_TIME_ZONE`), and a write to a task first recomputes that task.

use super::{Column, Due, Entity, Model, entity::ActiveModel, moment::LocalNow, scan};
use crate::{
    clock::Timestamp,
    error::Result,
    id::TaskId,
    identity::{self, TimeZone},
    scope::{Direction, Filter, Query, Row, RowError, Set, SortKey, Viewer},
};
use async_graphql::Context;
use futures_util::future::BoxFuture;

/// The maximum number of tasks that one transaction reschedules: other writes of the user wait for it.
const BATCH_SIZE: u64 = 500;

/// Returns the time of the request in the viewer's time zone.
pub(super) async fn local_now(viewer: &Viewer) -> Result<LocalNow> {
    Ok(LocalNow {
        now: viewer.now(),
        zone: identity::time_zone(viewer).await?.rules(),
    })
}

/// True if the viewer's time zone is still that of `now`. If false, a result that depends on the days
/// of the old zone must be read again: the tasks may have been rescheduled since.
pub(super) async fn is_still(viewer: &Viewer, now: &LocalNow) -> Result<bool> {
    Ok(identity::time_zone(viewer).await?.rules() == now.zone)
}

/// Returns the time zone in which a floating due date is computed. The caller holds the lock of the
/// change log, so the zone cannot change before the due date is stored.
pub(super) async fn time_zone(viewer: &Viewer, due: Option<&Due>) -> Result<TimeZone> {
    match due {
        Some(due) if due.is_floating() => identity::time_zone(viewer).await,
        _ => Ok(TimeZone::utc()),
    }
}

/// Starts to reschedule the viewer's tasks for their new time zone, which the same transaction stores.
/// The due dates stay the same and only their instants change, so the versions stay. The caller holds
/// the lock of the change log.
pub(crate) fn reschedule_floating<'a>(
    ctx: &'a Context<'_>,
    viewer: &'a Viewer,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        scan::charge_move(ctx, viewer).await?;
        viewer.begin_reschedule().await?;
        if move_some(viewer).await? < BATCH_SIZE {
            viewer.end_reschedule().await?;
        }
        Ok(())
    })
}

/// Reschedules the next batch of the viewer's tasks. Ends the move if the batch is empty.
pub(crate) fn move_batch(viewer: &Viewer) -> BoxFuture<'_, Result<()>> {
    Box::pin(viewer.transaction(|viewer| async move {
        let viewer = &viewer;
        viewer.lock_user().await?;
        // The move ends in a transaction after the last batch: an empty page shows that all are done.
        if move_some(viewer).await? == 0 {
            viewer.end_reschedule().await?;
        }
        Ok(())
    }))
}

/// Reschedules the next tasks. Returns the number of tasks that it read.
async fn move_some(viewer: &Viewer) -> Result<u64> {
    let Some(after) = viewer.moving_after().await? else {
        return Ok(0);
    };
    let after = after.map_or_else(Filter::always, |after| Filter::gt(Column::Id, after));
    let some = Query::<Entity>::filter(after)
        .columns(DueColumns::COLUMNS)
        .order_by(SortKey::column(Column::Id), Direction::Ascending)
        .limit(BATCH_SIZE);
    let some = viewer.select_columns(some, DueColumns::read).await?;
    let Some(last) = some.last().map(|task| task.id) else {
        return Ok(0);
    };
    let time_zone = identity::time_zone(viewer).await?;
    let rows = some
        .iter()
        .filter_map(|task| task.moved(&time_zone))
        .collect();
    viewer
        .rewrite_derived::<Entity>(rows, &[Column::DueAt, Column::DueSort])
        .await?;
    viewer.record_rescheduled(last).await?;
    Ok(some.len() as u64)
}

/// Returns the rescheduled columns of a task that is about to change before its batch has run. The
/// caller holds the lock of the change log.
pub(super) async fn catch_up(viewer: &Viewer, task: &Model) -> Result<Option<ActiveModel>> {
    let Some(due) = Due::of(task)?.filter(Due::is_floating) else {
        return Ok(None);
    };
    let at = due.at(&identity::time_zone(viewer).await?);
    Ok(Some(ActiveModel {
        due_at: Set(Some(at)),
        due_sort: Set(at),
        ..Default::default()
    }))
}

/// The columns of a task that its due date is read from.
struct DueColumns {
    id: TaskId,
    date: Option<String>,
    time: Option<String>,
    zone: Option<String>,
    at: Option<Timestamp>,
}

impl DueColumns {
    const COLUMNS: [Column; 5] = [
        Column::Id,
        Column::DueDate,
        Column::DueTime,
        Column::DueTimeZone,
        Column::DueAt,
    ];

    fn read(row: Row<'_>) -> std::result::Result<Self, RowError> {
        Ok(Self {
            id: row.get(0)?,
            date: row.get(1)?,
            time: row.get(2)?,
            zone: row.get(3)?,
            at: row.get(4)?,
        })
    }

    /// Returns the columns that change for a user in this time zone, or `None` if the instant stays.
    fn moved(&self, time_zone: &TimeZone) -> Option<ActiveModel> {
        let due = Due::read(
            self.date.as_deref(),
            self.time.as_deref(),
            self.zone.as_deref(),
            self.at,
        );
        let due = match due {
            Ok(due) => due.filter(Due::is_floating)?,
            Err(error) => {
                // One corrupt due date must not prevent the others from being rescheduled.
                tracing::error!(id = %self.id, ?error, "a task's due date cannot be read");
                return None;
            }
        };
        let at = due.at(time_zone);
        (self.at != Some(at)).then(|| ActiveModel {
            id: Set(self.id),
            due_at: Set(Some(at)),
            due_sort: Set(at),
            ..Default::default()
        })
    }
}
