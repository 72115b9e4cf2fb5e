//! Where a person's days begin and end, and what goes by them.
//!
//! When a person moves to another time zone, tasks without one of their own are due at another instant. They
//! are rewritten in batches; what is read of tasks meanwhile waits for the last one
//! (`Owned::FOLLOWS_TIME_ZONE`), and a task that is changed before its turn is moved first.

use async_graphql::Context;
use futures_util::future::BoxFuture;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
};

use super::{Column, Due, Entity, Model, entity::ActiveModel, moment::Here, scan};
use crate::{
    clock::Timestamp,
    error::Result,
    id::TaskId,
    identity::{self, TimeZone},
    scope::Viewer,
};

/// How many tasks are looked at in one transaction, and so how long others wait for it.
const BATCH: u64 = 500;

/// The moment of the request, where the viewer is.
pub(super) async fn here(viewer: &Viewer) -> Result<Here> {
    Ok(Here {
        now: viewer.now(),
        zone: identity::home(viewer).await?.rules(),
    })
}

/// The time zone that a due date goes by, where it has none of its own. Whoever stores it holds the log,
/// so that the zone does not change before it is stored.
pub(super) async fn of_due(viewer: &Viewer, due: Option<&Due>) -> Result<TimeZone> {
    match due {
        Some(due) if due.is_floating() => identity::home(viewer).await,
        _ => Ok(TimeZone::utc()),
    }
}

/// Begins to move the viewer's tasks to their new time zone, which is stored in the same transaction: another
/// instant is no other due date, and so no other version. The caller holds the log's lock.
pub(crate) async fn follow(ctx: &Context<'_>, viewer: &Viewer) -> Result<()> {
    scan::charge_move(ctx, viewer).await?;
    viewer.begin_move().await?;
    if move_some(viewer).await? < BATCH {
        viewer.end_move().await?;
    }
    Ok(())
}

/// Moves the next batch of the viewer's tasks, and ends the move when none is left.
pub(crate) fn move_batch(viewer: &Viewer) -> BoxFuture<'_, Result<()>> {
    Box::pin(viewer.atomically(async |viewer| {
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
    let mut select = Entity::find().select_only().columns(Placed::COLUMNS);
    if let Some(after) = after {
        select = select.filter(Column::Id.gt(after));
    }
    let some = select.order_by_asc(Column::Id).limit(BATCH);
    let some = viewer.read(some, Placed::read).await?;
    let Some(last) = some.last().map(|task| task.id) else {
        return Ok(0);
    };
    let home = identity::home(viewer).await?;
    let mut rows: Vec<_> = some.iter().filter_map(|task| task.moved(&home)).collect();
    let seqs = viewer.take_seqs(rows.len()).await?;
    for (row, seq) in rows.iter_mut().zip(seqs) {
        row.seq = Set(seq);
        row.origin_session_id = Set(Some(viewer.session_id()));
    }
    let written = [
        Column::DueAt,
        Column::DueKey,
        Column::Seq,
        Column::OriginSessionId,
    ];
    viewer.rewrite(rows, &written).await?;
    viewer.note_moved(last).await?;
    Ok(some.len() as u64)
}

/// A task that is about to be changed, moved before its turn comes. The caller holds the log's lock.
pub(super) async fn catch_up(viewer: &Viewer, task: Model) -> Result<Model> {
    let Some(due) = Due::of(&task)?.filter(Due::is_floating) else {
        return Ok(task);
    };
    let at = due.at(&identity::home(viewer).await?);
    let row = ActiveModel {
        due_at: Set(Some(at)),
        due_key: Set(at),
        ..Default::default()
    };
    let moved = viewer.update(row, Column::Id.eq(task.id)).await?;
    Ok(moved.into_iter().next().unwrap_or(task))
}

/// When a task is due, and nothing else of it.
struct Placed {
    id: TaskId,
    date: Option<String>,
    time: Option<String>,
    zone: Option<String>,
    at: Option<Timestamp>,
}

impl Placed {
    const COLUMNS: [Column; 5] = [
        Column::Id,
        Column::DueDate,
        Column::DueTime,
        Column::DueTimeZone,
        Column::DueAt,
    ];

    fn read(row: &QueryResult) -> std::result::Result<Self, sea_orm::DbErr> {
        Ok(Self {
            id: row.try_get_by_index(0)?,
            date: row.try_get_by_index(1)?,
            time: row.try_get_by_index(2)?,
            zone: row.try_get_by_index(3)?,
            at: row.try_get_by_index(4)?,
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
            due_key: Set(at),
            ..Default::default()
        })
    }
}
