//! Tasks: creates, changes, completes, moves and deletes the tasks of a user.

mod bulk;
pub(crate) mod client_id;
mod counts;
mod description;
pub(crate) mod due;
mod entity;
mod filter;
mod floating_due;
pub(crate) mod graphql;
pub(crate) mod limit;
pub(crate) mod local_date_time;
pub(crate) mod moment;
pub(crate) mod mutations;
pub(crate) mod order;
pub(crate) mod placement;
mod priority;
mod scan;
mod synced;
mod task;
mod title;

pub(crate) use description::MAX_DESCRIPTION_CHARS;
pub(crate) use title::MAX_TITLE_CHARS;

pub(crate) use bulk::{DueZone, StoredTask, due_zones, existing_ids, insert_many, page_by_id};
pub(crate) use description::Description;
pub(crate) use due::Due;
use entity::{ActiveModel, Column, Entity, Model};
use filter::TaskFilter;
pub(crate) use floating_due::{move_batch, reschedule_floating};
use limit::LimitReached;
use moment::LocalNow;
use placement::{ListEdge, Placement};
pub(crate) use priority::Priority;
pub(crate) use task::Task;
pub(crate) use title::Title;

use crate::{
    config::AccountLimits,
    error::{Error, Result},
    id::TaskId,
    identity::TimeZone,
    input::Edit,
    scope::{Filter, ListEnd, LogEntry, Query, Set, SyncError, Viewer},
};

/// The fields of a task that its owner edits. Creating, updating, importing, exporting and seeding
/// tasks share this list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskFields {
    pub(crate) title: Title,
    pub(crate) description: Option<Description>,
    pub(crate) priority: Priority,
    pub(crate) due: Option<Due>,
}

/// A task to create.
struct NewTask {
    /// The id that the client generated; `None` generates one.
    id: Option<TaskId>,
    fields: TaskFields,
    placement: Placement,
}

/// Changes of a task's fields.
struct TaskEdit {
    /// The new due date: `None` leaves it unchanged, `Some(None)` clears it.
    due: Option<Option<Due>>,
    /// The changes of the other fields.
    rest: Edit<TaskFields>,
}

/// An error that prevents a change of a task.
enum TaskError {
    Sync(SyncError<Model>),
    /// The placement names a task that the viewer does not have, or the moved task itself.
    PlacementTargetNotFound,
    LimitReached(LimitReached),
}

impl TaskFields {
    /// Returns the fields of a task that has only a title.
    pub(crate) fn new(title: Title) -> Self {
        Self {
            title,
            description: None,
            priority: Priority::None,
            due: None,
        }
    }

    /// Returns the fields of a stored task, with this due date.
    fn of(task: &Model, due: Option<Due>) -> Self {
        Self {
            title: Title::from_stored(task.title.clone()),
            description: task.description.clone().map(Description::from_stored),
            priority: task.priority,
            due,
        }
    }

    /// Sets the columns of a row that differ from the fields. The instant of a floating due date is
    /// that of a user in this time zone.
    fn write(self, time_zone: &TimeZone, row: &mut ActiveModel) {
        Due::write(self.due.as_ref(), time_zone, row);
        self.write_all_but_due(row);
    }

    /// Returns the row of a new open task.
    fn new_row(&self, position: String, time_zone: &TimeZone) -> ActiveModel {
        let mut row = ActiveModel {
            completed_at: Set(None),
            position: Set(position),
            ..Default::default()
        };
        self.clone().write(time_zone, &mut row);
        row
    }

    fn write_all_but_due(self, row: &mut ActiveModel) {
        row.title.set_if_not_equals(self.title.as_str().to_owned());
        if row.title.is_set() {
            row.title_folded = Set(self.title.folded());
        }
        let description = self.description.map(Description::into_string);
        row.description.set_if_not_equals(description);
        row.priority.set_if_not_equals(self.priority);
    }
}

impl From<SyncError<Model>> for TaskError {
    fn from(error: SyncError<Model>) -> Self {
        Self::Sync(error)
    }
}

impl From<Error> for TaskError {
    fn from(error: Error) -> Self {
        Self::Sync(error.into())
    }
}

impl From<LimitReached> for TaskError {
    fn from(reached: LimitReached) -> Self {
        Self::LimitReached(reached)
    }
}

type TaskResult<T> = std::result::Result<T, TaskError>;

/// Returns the query for the tasks that match the filter. The filter's days are days of the time zone
/// of `now`.
fn query(now: &LocalNow, filter: Option<&TaskFilter>) -> Result<Query<Entity>> {
    let filter = filter.map(|filter| filter.condition(now)).transpose()?;
    Ok(Query::filter(filter.unwrap_or_else(Filter::always)))
}

/// Stores a new task at its place in the manual order.
async fn create(viewer: &Viewer, limits: AccountLimits, task: NewTask) -> TaskResult<Model> {
    if let Some(task) = append(viewer, limits, &task).await? {
        return Ok(task);
    }
    let task = &task;
    let build = |viewer: Viewer, added: LogEntry| async move {
        limit::check(added.task_count, limits)?;
        let zone = floating_due::time_zone(&viewer, task.fields.due.as_ref()).await?;
        let position = placement::position_for(&viewer, task.placement, None).await?;
        Ok(task.fields.new_row(position, &zone))
    };
    viewer.create_synced::<Entity, _, _>(task.id, build).await
}

/// Stores a new task at the end of the manual order without a lock. `None` if a lock is needed: for
/// another place, for a due date that depends on the user's time zone, or if other tasks change.
async fn append(
    viewer: &Viewer,
    limits: AccountLimits,
    task: &NewTask,
) -> TaskResult<Option<Model>> {
    let due = task.fields.due.as_ref();
    if task.placement != Placement::Edge(ListEdge::Last) || due.is_some_and(Due::is_floating) {
        return Ok(None);
    }
    let build = |end: &ListEnd| {
        // The end may be outdated, so it cannot be the reason for an error.
        limit::check(end.count + 1, limits).ok()?;
        let position = placement::between(&end.position, &None)?;
        Some(task.fields.new_row(position, &TimeZone::utc()))
    };
    Ok(viewer.append_synced::<Entity>(task.id, build).await?)
}

/// Changes the fields of a task. Fails with a conflict if the task is not at version `if_version`.
async fn update(
    viewer: &Viewer,
    id: TaskId,
    if_version: Option<i32>,
    edit: TaskEdit,
) -> TaskResult<Model> {
    let edit = &edit;
    let change = |viewer: Viewer, task, mut row| async move {
        let mut fields = TaskFields::of(&task, None);
        edit.rest.apply(&mut fields);
        fields.write_all_but_due(&mut row);
        // A due date that is not edited is not parsed: a corrupt one must not prevent other edits.
        if let Some(due) = &edit.due {
            let zone = floating_due::time_zone(&viewer, due.as_ref()).await?;
            Due::write(due.as_ref(), &zone, &mut row);
        }
        Ok(row)
    };
    let updated = viewer.update_synced::<Entity, _, _>(id, if_version, change);
    updated.await
}

/// Completes or reopens a task. Fails with a conflict if the task is not at version `if_version`.
async fn set_completed(
    viewer: &Viewer,
    id: TaskId,
    if_version: Option<i32>,
    is_completed: bool,
) -> TaskResult<Model> {
    let change = |viewer: Viewer, task: Model, mut row: ActiveModel| async move {
        if is_completed != task.completed_at.is_some() {
            row.completed_at = Set(is_completed.then(|| viewer.now()));
        }
        Ok(row)
    };
    let updated = viewer.update_synced::<Entity, _, _>(id, if_version, change);
    updated.await
}

/// Moves a task in the manual order. Fails with a conflict if the task is not at version
/// `if_version`.
async fn move_to(
    viewer: &Viewer,
    id: TaskId,
    if_version: Option<i32>,
    placement: Placement,
) -> TaskResult<Model> {
    let change = |viewer: Viewer, task, mut row: ActiveModel| async move {
        row.position = Set(placement::position_for(&viewer, placement, Some(&task)).await?);
        Ok(row)
    };
    let moved = viewer.update_synced::<Entity, _, _>(id, if_version, change);
    moved.await
}

/// Deletes a task. Fails with a conflict if the task is not at version `if_version`.
async fn delete(viewer: &Viewer, id: TaskId, if_version: Option<i32>) -> TaskResult<()> {
    Ok(viewer.delete_synced::<Entity>(id, if_version).await?)
}
