//! Where a person's days begin and end, and what goes by them.
//!
//! When a person moves to another time zone, tasks without one of their own are due at another instant. They
//! are rewritten in batches; what is read of tasks meanwhile waits for the last one
//! (`Owned::FOLLOWS_TIME_ZONE`), and a task that is changed before its turn is moved first.

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

/// The number of tasks that are looked at in one transaction: others wait for it.
const BATCH_SIZE: u64 = 500;

/// The moment of the request, where the viewer is.
pub(super) async fn local_now(viewer: &Viewer) -> Result<LocalNow> {
    Ok(LocalNow {
        now: viewer.now(),
        zone: identity::home(viewer).await?.rules(),
    })
}

/// True if the viewer's time zone is the one that it was at `now`. If not, what was read since then by days of the other
/// zone is to be read again: the tasks may have followed in between.
pub(super) async fn is_still(viewer: &Viewer, now: &LocalNow) -> Result<bool> {
    Ok(identity::home(viewer).await?.rules() == now.zone)
}

/// The time zone that a due date goes by, where it has none of its own. Whoever stores it holds the log,
/// so that the zone does not change before it is stored.
pub(super) async fn time_zone(viewer: &Viewer, due: Option<&Due>) -> Result<TimeZone> {
    match due {
        Some(due) if due.is_floating() => identity::home(viewer).await,
        _ => Ok(TimeZone::utc()),
    }
}

/// Begins to move the viewer's tasks to their new time zone, which is stored in the same transaction: another
/// instant is no other due date, and so no other version. The caller holds the log's lock.
pub(crate) fn reschedule_floating<'a>(
    ctx: &'a Context<'_>,
    viewer: &'a Viewer,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        scan::charge_move(ctx, viewer).await?;
        viewer.begin_move().await?;
        if move_some(viewer).await? < BATCH_SIZE {
            viewer.end_move().await?;
        }
        Ok(())
    })
}

/// Moves the next batch of the viewer's tasks, and ends the move when none is left.
pub(crate) fn move_batch(viewer: &Viewer) -> BoxFuture<'_, Result<()>> {
    Box::pin(viewer.transaction(|viewer| async move {
        let viewer = &viewer;
        viewer.lock_log().await?;
        // In a transaction after the last batch: a page that is empty looks once more whether it is over.
        if move_some(viewer).await? == 0 {
            viewer.end_move().await?;
        }
        Ok(())
    }))
}

/// Moves the next tasks, and returns how many it looked at.
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
    let home = identity::home(viewer).await?;
    let rows = some.iter().filter_map(|task| task.moved(&home)).collect();
    viewer
        .rewrite_derived::<Entity>(rows, &[Column::DueAt, Column::DueSort])
        .await?;
    viewer.note_moved(last).await?;
    Ok(some.len() as u64)
}

/// The columns of a task that is about to be changed before its turn comes. The caller holds the log's lock.
pub(super) async fn catch_up(viewer: &Viewer, task: &Model) -> Result<Option<ActiveModel>> {
    let Some(due) = Due::of(task)?.filter(Due::is_floating) else {
        return Ok(None);
    };
    let at = due.at(&identity::home(viewer).await?);
    Ok(Some(ActiveModel {
        due_at: Set(Some(at)),
        due_sort: Set(at),
        ..Default::default()
    }))
}

/// The id and the due date of a task.
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

    /// What changes of it for a person in this time zone, if anything does.
    fn moved(&self, home: &TimeZone) -> Option<ActiveModel> {
        let due = Due::read(
            self.date.as_deref(),
            self.time.as_deref(),
            self.zone.as_deref(),
            self.at,
        );
        let due = match due {
            Ok(due) => due.filter(Due::is_floating)?,
            Err(error) => {
                // It cannot be moved, and the others can.
                tracing::error!(id = %self.id, ?error, "a task's due date cannot be read");
                return None;
            }
        };
        let at = due.at(home);
        (self.at != Some(at)).then(|| ActiveModel {
            id: Set(self.id),
            due_at: Set(Some(at)),
            due_sort: Set(at),
            ..Default::default()
        })
    }
}
