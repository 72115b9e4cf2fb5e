//! Tasks: each reached by its owner and by nobody else.
//!
//! A verb that changes a task takes the next number of its owner's log before it reads the row.
//! Taking it makes changes of one person's tasks wait for each other, so that what was read is
//! what is changed; a change that turns out to change nothing gives the number back by failing.

mod bulk;
mod changes;
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
pub(crate) mod subscriptions;
mod task_row;
mod title;

pub(crate) use description::MAX_LENGTH as MAX_DESCRIPTION_LENGTH;
pub(crate) use title::MAX_LENGTH as MAX_TITLE_LENGTH;

pub(crate) use bulk::{
    DueZone, Existing, StoredTask, due_zones, existing_ids, insert_many, page_by_id,
};
pub(crate) use description::Description;
pub(crate) use due::Due;
use entity::{ActiveModel, Column, Entity, Model, deleted};
use filter::TaskFilter;
pub(crate) use floating_due::{follow, move_batch};
use limit::LimitReached;
use moment::Here;
use placement::Placement;
pub(crate) use priority::Priority;
pub(crate) use title::Title;

use crate::{
    clock::Timestamp,
    config::AccountLimits,
    error::{Error, Result},
    id::TaskId,
    identity::TimeZone,
    scope::{Direction, Filter, LogEntry, Query, Set, SortKey, Viewer, is_changed},
};

/// Of how many changes of a person's tasks the deletions are remembered.
const MAX_DELETED: i64 = 1_000_000;

/// How many deletions are forgotten at once.
const FORGOTTEN_AT_ONCE: u64 = 10;

/// What a new task starts with.
struct Draft {
    /// Minted by the client, or nothing.
    id: Option<TaskId>,
    fields: TaskFields,
    placement: Placement,
}

/// The fields of a task that its owner edits.
#[derive(Clone)]
pub(crate) struct TaskFields {
    pub(crate) title: Title,
    pub(crate) description: Option<Description>,
    pub(crate) priority: Priority,
    pub(crate) due: Option<Due>,
}

/// What changes of a task: nothing is unchanged, an inner nothing clears.
#[derive(Clone, Default)]
struct Changes {
    title: Option<Title>,
    description: Option<Option<Description>>,
    priority: Option<Priority>,
    due: Option<Option<Due>>,
    completed: Option<bool>,
}

/// Why a verb did not do what was asked.
enum Refusal {
    /// There is no such task; or it is somebody else's, which is the same.
    NotFound,
    /// The id was a task's that was deleted lately.
    WasDeleted,
    /// It was changed since; this is the row as it is stored.
    Conflict(Box<Model>),
    /// What it is to be placed beside is no task of theirs, or the task itself.
    NoNeighbour,
    /// The person has as many tasks as they may have.
    LimitReached(LimitReached),
    /// There was nothing to do; this is the row as it is stored. Failing gives the number back.
    Unchanged(Box<Model>),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<LimitReached> for Refusal {
    fn from(reached: LimitReached) -> Self {
        Self::LimitReached(reached)
    }
}

/// The task with this id, due where its owner is now.
async fn find(viewer: &Viewer, entry: &LogEntry, id: TaskId) -> Result<Option<Model>> {
    let task = viewer
        .find_one(Query::<Entity>::filter(Filter::eq(Column::Id, id)))
        .await?;
    match task {
        Some(task) if entry.is_moving => floating_due::catch_up(viewer, task).await.map(Some),
        task => Ok(task),
    }
}

/// The tasks that pass the filter, which goes by days here.
fn query(here: &Here, filter: Option<&TaskFilter>) -> Result<Query<Entity>> {
    let filter = filter.map(|filter| filter.condition(here)).transpose()?;
    Ok(Query::filter(filter.unwrap_or_else(Filter::always)))
}

/// Stores a new task in its place in its owner's order. An id that is stored already gives
/// `Unchanged`, so that a create whose answer was lost can be sent again.
async fn create(
    viewer: &Viewer,
    limits: AccountLimits,
    draft: Draft,
) -> std::result::Result<Model, Refusal> {
    let draft = &draft;
    viewer
        .transaction(|viewer| async move {
            let viewer = &viewer;
            let added = viewer.add_tasks(1).await?;
            if let Some(id) = draft.id {
                let of_id = Query::<deleted::Entity>::filter(Filter::eq(deleted::Column::Id, id));
                if viewer.find_one(of_id).await?.is_some() {
                    return Err(Refusal::WasDeleted);
                }
                if let Some(task) = find(viewer, &added, id).await? {
                    return Err(Refusal::Unchanged(task.into()));
                }
            }
            limit::check(added.task_count, limits)?;
            let id = draft
                .id
                .unwrap_or_else(|| TaskId::new(viewer.ids(), viewer.now()));
            let home = floating_due::of_due(viewer, draft.fields.due.as_ref()).await?;
            let position = placement::make_room(viewer, draft.placement, None).await?;
            let row = ActiveModel {
                id: Set(id),
                seq: Set(added.seq()),
                position: Set(position),
                ..draft.fields.clone().into_row(viewer, &home)
            };
            Ok(viewer.insert(row).await?)
        })
        .await
}

/// Changes a task, if it is at the version that is expected.
async fn update(
    viewer: &Viewer,
    id: TaskId,
    if_version: Option<i32>,
    changes: Changes,
) -> std::result::Result<Model, Refusal> {
    let changes = &changes;
    viewer
        .transaction(|viewer| async move {
            let viewer = &viewer;
            let entry = viewer.change_task().await?;
            let task = expect(viewer, &entry, id, if_version).await?;
            let home =
                floating_due::of_due(viewer, changes.due.as_ref().and_then(Option::as_ref)).await?;
            let row = changes.clone().apply(&task, &home, viewer.now());
            if !is_changed(&row) {
                return Err(Refusal::Unchanged(task.into()));
            }
            write(viewer, &task, entry.seq(), row).await
        })
        .await
}

/// Stores a change of a task, as the next version and under this number.
async fn write(
    viewer: &Viewer,
    task: &Model,
    seq: i64,
    mut row: ActiveModel,
) -> std::result::Result<Model, Refusal> {
    note_change(&mut row, viewer, task.version, seq);
    let stored = viewer.update(row, Filter::eq(Column::Id, task.id)).await?;
    stored.into_iter().next().ok_or(Refusal::NotFound)
}

/// Says in the row which change it is, after this version, and whose.
fn note_change(row: &mut ActiveModel, viewer: &Viewer, version: i32, seq: i64) {
    row.version = Set(version + 1);
    row.seq = Set(seq);
    row.origin_session_id = Set(Some(viewer.session_id()));
    row.updated_at = Set(viewer.now());
}

/// Moves a task in its owner's order, if it is at the version that is expected.
async fn place(
    viewer: &Viewer,
    id: TaskId,
    if_version: Option<i32>,
    placement: Placement,
) -> std::result::Result<Model, Refusal> {
    viewer
        .transaction(|viewer| async move {
            let viewer = &viewer;
            let entry = viewer.change_task().await?;
            let task = expect(viewer, &entry, id, if_version).await?;
            let row = ActiveModel {
                position: Set(placement::make_room(viewer, placement, Some(&task)).await?),
                ..Default::default()
            };
            write(viewer, &task, entry.seq(), row).await
        })
        .await
}

/// Removes a task, if it is at the version that is expected, and leaves its number in the log.
async fn delete(
    viewer: &Viewer,
    id: TaskId,
    if_version: Option<i32>,
) -> std::result::Result<TaskId, Refusal> {
    viewer
        .transaction(|viewer| async move {
            let viewer = &viewer;
            let entry = viewer.remove_task().await?;
            let task = expect(viewer, &entry, id, if_version).await?;
            viewer.delete::<Entity>(Filter::eq(Column::Id, id)).await?;
            let row = deleted::ActiveModel {
                kind: Set("task".to_owned()),
                id: Set(id),
                version: Set(task.version + 1),
                seq: Set(entry.seq()),
                origin_session_id: Set(Some(viewer.session_id())),
                deleted_at: Set(viewer.now()),
                ..Default::default()
            };
            viewer.insert(row).await?;
            forget_deleted(viewer, entry.seq()).await?;
            Ok(id)
        })
        .await
}

/// Forgets deletions that were too many changes ago: more than are added, and few, so that others do not wait.
async fn forget_deleted(viewer: &Viewer, seq: i64) -> Result<()> {
    use deleted::Column::Seq;

    let old = Query::<deleted::Entity>::filter(Filter::lte(Seq, seq - MAX_DELETED))
        .order_by(SortKey::column(Seq), Direction::Ascending)
        .limit(FORGOTTEN_AT_ONCE);
    let old = viewer.find_all(old).await?;
    if let Some(last) = old.last() {
        viewer
            .delete::<deleted::Entity>(Filter::lte(Seq, last.seq))
            .await?;
    }
    Ok(())
}

/// The task, if it is there and at the version that is expected.
async fn expect(
    viewer: &Viewer,
    entry: &LogEntry,
    id: TaskId,
    if_version: Option<i32>,
) -> std::result::Result<Model, Refusal> {
    let task = find(viewer, entry, id).await?.ok_or(Refusal::NotFound)?;
    match if_version {
        Some(version) if version != task.version => Err(Refusal::Conflict(task.into())),
        _ => Ok(task),
    }
}

impl TaskFields {
    /// All of a new row but the id, the number and the position.
    fn into_row(self, viewer: &Viewer, home: &TimeZone) -> ActiveModel {
        let mut row = ActiveModel {
            version: Set(1),
            origin_session_id: Set(Some(viewer.session_id())),
            updated_at: Set(viewer.now()),
            ..Default::default()
        };
        self.write(home, &mut row);
        row
    }

    /// Sets the columns of a row for a user in this time zone.
    fn write(self, home: &TimeZone, row: &mut ActiveModel) {
        row.title_folded = Set(self.title.key());
        row.title = Set(self.title.into_string());
        row.description = Set(self.description.map(Description::into_string));
        row.priority = Set(self.priority);
        Due::write(self.due.as_ref(), home, row);
    }
}

impl Changes {
    /// The columns that differ from the task's.
    fn apply(self, task: &Model, home: &TimeZone, now: Timestamp) -> ActiveModel {
        let mut row = ActiveModel::default();
        if let Some(title) = self.title
            && title.as_str() != task.title
        {
            row.title_folded = Set(title.key());
            row.title = Set(title.into_string());
        }
        if let Some(description) = self.description {
            let description = description.map(Description::into_string);
            if description != task.description {
                row.description = Set(description);
            }
        }
        if let Some(priority) = self.priority
            && priority != task.priority
        {
            row.priority = Set(priority);
        }
        if let Some(due) = self.due
            // One that cannot be read is another.
            && !Due::of(task).is_ok_and(|stored| stored == due)
        {
            Due::write(due.as_ref(), home, &mut row);
        }
        if let Some(completed) = self.completed
            && completed != task.completed_at.is_some()
        {
            row.completed_at = Set(completed.then_some(now));
        }
        row
    }
}
