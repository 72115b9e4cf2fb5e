//! What has changed of a person's tasks since a number of their log.

use super::entity::{Column, Entity, Model, deleted};
use crate::{
    clock::Timestamp,
    error::Result,
    id::{SessionId, TaskId},
    scope::{Direction, Filter, Query, SortKey, Viewer},
};

/// How many changes are read at once: what a slow reader keeps waiting is no more than these.
const BATCH: u64 = 100;

/// A task as a change left it, or that it was deleted.
pub(super) struct Change {
    pub(super) seq: i64,
    pub(super) id: TaskId,
    pub(super) version: i32,
    pub(super) at: Timestamp,
    pub(super) origin: Option<SessionId>,
    /// Nothing when it was deleted.
    pub(super) task: Option<Model>,
}

/// The next changes after a number, in their order, and the number that all before it are read up
/// to. A task that changed many times is told once, as it is now.
pub(super) async fn after(viewer: &Viewer, seq: i64) -> Result<(Vec<Change>, i64)> {
    // Read first: what is committed while the two tables are read comes with the next number.
    let last = viewer.last_seq().await?;
    if last <= seq {
        return Ok((Vec::new(), seq));
    }
    let tasks = Query::filter(Filter::gt(Column::Seq, seq).and(Filter::lte(Column::Seq, last)))
        .order_by(SortKey::column(Column::Seq), Direction::Ascending)
        .limit(BATCH);
    let deleted = {
        use deleted::Column::Seq;

        Query::filter(Filter::gt(Seq, seq).and(Filter::lte(Seq, last)))
            .order_by(SortKey::column(Seq), Direction::Ascending)
            .limit(BATCH)
    };
    let tasks = viewer.find_all::<Entity>(tasks).await?;
    let deleted = viewer.find_all::<deleted::Entity>(deleted).await?;
    let mut changes: Vec<Change> = tasks.into_iter().map(Change::from).collect();
    changes.extend(deleted.into_iter().map(Change::from));
    changes.sort_by_key(|change| change.seq);
    // Of each table there may be more beyond its batch, so only the first batch of both is whole.
    let is_all = changes.len() < BATCH as usize;
    changes.truncate(BATCH as usize);
    let read_up_to = match changes.last() {
        Some(change) if !is_all => change.seq,
        _ => last,
    };
    Ok((changes, read_up_to))
}

impl From<Model> for Change {
    fn from(task: Model) -> Self {
        Self {
            seq: task.seq,
            id: task.id,
            version: task.version,
            at: task.updated_at,
            origin: task.origin_session_id,
            task: Some(task),
        }
    }
}

impl From<deleted::Model> for Change {
    fn from(task: deleted::Model) -> Self {
        Self {
            seq: task.seq,
            id: task.id,
            version: task.version,
            at: task.deleted_at,
            origin: task.origin_session_id,
            task: None,
        }
    }
}
