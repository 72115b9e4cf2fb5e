//! Tasks in bulk: reads them for exports, and inserts them for imports and seeding.

use std::collections::HashMap;

use super::{
    TaskFields,
    due::Due,
    entity::{ActiveModel, Column, Entity, Model},
};
use crate::{
    clock::Timestamp,
    error::Result,
    id::TaskId,
    identity::TimeZone,
    scope::{Direction, Existing, Filter, Query, Set, SortKey, Viewer},
};

/// A task with its id, its position, its version and its times.
pub(crate) struct StoredTask {
    pub(crate) id: TaskId,
    pub(crate) version: i32,
    pub(crate) fields: TaskFields,
    pub(crate) completed_at: Option<Timestamp>,
    pub(crate) position: String,
    pub(crate) updated_at: Timestamp,
}

/// A time zone of due dates, with the first and the last instant that is due in it.
pub(crate) struct DueZone {
    pub(crate) name: String,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl StoredTask {
    fn from_row(task: Model) -> Result<Self> {
        let due = Due::of(&task)?;
        Ok(Self {
            id: task.id,
            version: task.version,
            fields: TaskFields::of(&task, due),
            completed_at: task.completed_at,
            position: task.position,
            updated_at: task.updated_at,
        })
    }
}

/// Reads the viewer's tasks with ids greater than `after`, in the order of their ids.
///
/// # Errors
/// Fails if a due date cannot be read.
pub(crate) async fn page_by_id(
    viewer: &Viewer,
    after: Option<TaskId>,
    limit: u64,
) -> Result<Vec<StoredTask>> {
    let rest = after.map_or_else(Filter::always, |after| Filter::gt(Column::Id, after));
    let page = Query::<Entity>::filter(rest)
        .order_by(SortKey::column(Column::Id), Direction::Ascending)
        .limit(limit);
    let page = viewer.find_all(page).await?;
    page.into_iter().map(StoredTask::from_row).collect()
}

/// Inserts tasks, whose ids must be free, each as the next change of the viewer's change log. Returns
/// the number of the viewer's tasks after the insert.
pub(crate) async fn insert_many(
    viewer: &Viewer,
    time_zone: &TimeZone,
    tasks: Vec<StoredTask>,
) -> Result<i64> {
    let rows = tasks.into_iter().map(|task| {
        let mut row = ActiveModel {
            id: Set(task.id),
            version: Set(task.version),
            completed_at: Set(task.completed_at),
            position: Set(task.position),
            updated_at: Set(task.updated_at),
            ..Default::default()
        };
        task.fields.write(time_zone, &mut row);
        row
    });
    let added = viewer.insert_synced::<Entity>(rows.collect()).await?;
    Ok(added.task_count)
}

/// Finds which of these ids belong to stored tasks of the viewer, or to deleted tasks with a tombstone.
pub(crate) async fn existing_ids(
    viewer: &Viewer,
    ids: Vec<TaskId>,
) -> Result<HashMap<TaskId, Existing>> {
    viewer.existing_ids::<Entity>(ids).await
}

/// Reads the time zones of the viewer's due dates, without `except`.
pub(crate) async fn due_zones(viewer: &Viewer, except: &str) -> Result<Vec<DueZone>> {
    let zone = Column::DueTimeZone;
    let zones = Query::<Entity>::filter(Filter::is_not_null(zone).and(Filter::ne(zone, except)));
    viewer
        .min_max_by(zones, zone, Column::DueAt, |row| {
            Ok(DueZone {
                name: row.get(0)?,
                first: row.get(1)?,
                last: row.get(2)?,
            })
        })
        .await
}
