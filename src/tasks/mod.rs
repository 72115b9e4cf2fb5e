//! Tasks: each reached by its owner and by nobody else.
//!
//! A verb that changes a task takes the next number of its owner's log before it reads the row.
//! Taking it makes changes of one person's tasks wait for each other, so that what was read is
//! what is changed; a change that turns out to change nothing gives the number back by failing.

mod changes;
mod counts;
mod description;
mod due;
mod entity;
mod filter;
pub(crate) mod graphql;
pub(crate) mod local;
mod minted_id;
pub(crate) mod moment;
pub(crate) mod mutations;
pub(crate) mod order;
mod priority;
pub(crate) mod subscriptions;
mod title;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Select,
};

pub(crate) use description::MAX_LENGTH as MAX_DESCRIPTION_LENGTH;
pub(crate) use title::MAX_LENGTH as MAX_TITLE_LENGTH;

use description::Description;
use due::Due;
use entity::{ActiveModel, Column, Entity, Model, deleted};
use filter::TaskFilter;
use moment::Here;
use priority::Priority;
use title::Title;

use crate::{
    auth::{self, TimeZone, Viewer},
    clock::Timestamp,
    error::{Error, Result},
    id::TaskId,
};

/// What a new task starts with.
struct Draft {
    /// Minted by the client, or nothing.
    id: Option<TaskId>,
    title: Title,
    description: Option<Description>,
    priority: Priority,
    due: Option<Due>,
}

/// What changes of a task: nothing is unchanged, an inner nothing clears.
#[derive(Default)]
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
    /// The id was a task's that has been deleted.
    WasDeleted,
    /// It was changed since; this is the row as it is stored.
    Conflict(Box<Model>),
    /// There was nothing to do; this is the row as it is stored. Failing gives the number back.
    Unchanged(Box<Model>),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The task with this id.
async fn one(viewer: &Viewer, id: TaskId) -> Result<Option<Model>> {
    viewer.one(Entity::find().filter(Column::Id.eq(id))).await
}

/// The tasks that pass the filter.
async fn select(viewer: &Viewer, filter: Option<&TaskFilter>) -> Result<Select<Entity>> {
    let Some(filter) = filter else {
        return Ok(Entity::find());
    };
    let here = if filter.needs_days() {
        here(viewer).await?
    } else {
        Here {
            now: viewer.now(),
            zone: TimeZone::utc().rules(),
        }
    };
    select_here(&here, Some(filter))
}

fn select_here(here: &Here, filter: Option<&TaskFilter>) -> Result<Select<Entity>> {
    let condition = filter.map(|filter| filter.condition(here)).transpose()?;
    Ok(match condition {
        Some(condition) => Entity::find().filter(condition),
        None => Entity::find(),
    })
}

/// The moment of the request, where the viewer is.
async fn here(viewer: &Viewer) -> Result<Here> {
    Ok(Here {
        now: viewer.now(),
        zone: auth::home(viewer).await?.rules(),
    })
}

/// Stores a new task, last in its owner's order. An id that is stored already gives
/// `Unchanged`, so that a create whose answer was lost can be sent again.
async fn create(viewer: &Viewer, draft: Draft) -> std::result::Result<Model, Refusal> {
    viewer
        .atomically(async |viewer| {
            let seq = viewer.next_seq().await?;
            if let Some(id) = draft.id {
                let of_id = deleted::Entity::find().filter(deleted::Column::Id.eq(id));
                if viewer.one(of_id).await?.is_some() {
                    return Err(Refusal::WasDeleted);
                }
                if let Some(task) = one(viewer, id).await? {
                    return Err(Refusal::Unchanged(task.into()));
                }
            }
            let id = draft
                .id
                .unwrap_or_else(|| TaskId::new(viewer.ids(), viewer.now()));
            let home = home(viewer, draft.due.as_ref()).await?;
            let mut row = ActiveModel {
                id: Set(id),
                version: Set(1),
                seq: Set(seq),
                origin_session_id: Set(Some(viewer.session_id())),
                title_key: Set(draft.title.key()),
                title: Set(draft.title.into_string()),
                description: Set(draft.description.map(Description::into_string)),
                priority: Set(draft.priority),
                position: Set(last_position(viewer).await?),
                updated_at: Set(viewer.now()),
                ..Default::default()
            };
            Due::write(draft.due.as_ref(), &home, &mut row);
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
    viewer
        .atomically(async |viewer| {
            let seq = viewer.next_seq().await?;
            let task = expect(viewer, id, if_version).await?;
            let home = home(viewer, changes.due.as_ref().and_then(Option::as_ref)).await?;
            let mut row = changes.apply(&task, &home, viewer.now());
            if !row.is_changed() {
                return Err(Refusal::Unchanged(task.into()));
            }
            row.version = Set(task.version + 1);
            row.seq = Set(seq);
            row.origin_session_id = Set(Some(viewer.session_id()));
            row.updated_at = Set(viewer.now());
            let stored = viewer.update(row, Column::Id.eq(id)).await?;
            stored.into_iter().next().ok_or(Refusal::NotFound)
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
        .atomically(async |viewer| {
            let seq = viewer.next_seq().await?;
            let task = expect(viewer, id, if_version).await?;
            viewer.delete::<Entity>(Column::Id.eq(id)).await?;
            let row = deleted::ActiveModel {
                id: Set(id),
                version: Set(task.version + 1),
                seq: Set(seq),
                origin_session_id: Set(Some(viewer.session_id())),
                deleted_at: Set(viewer.now()),
                ..Default::default()
            };
            viewer.insert(row).await?;
            Ok(id)
        })
        .await
}

/// The task, if it is there and at the version that is expected.
async fn expect(
    viewer: &Viewer,
    id: TaskId,
    if_version: Option<i32>,
) -> std::result::Result<Model, Refusal> {
    let task = one(viewer, id).await?.ok_or(Refusal::NotFound)?;
    match if_version {
        Some(version) if version != task.version => Err(Refusal::Conflict(task.into())),
        _ => Ok(task),
    }
}

impl Changes {
    /// The columns that differ from the task's.
    fn apply(self, task: &Model, home: &TimeZone, now: Timestamp) -> ActiveModel {
        let mut row = <ActiveModel as ActiveModelTrait>::default();
        if let Some(title) = self.title
            && title.as_str() != task.title
        {
            row.title_key = Set(title.key());
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
            && due != Due::of(task)
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

/// The time zone that a due date goes by, where it has none of its own. Whoever stores it holds the log,
/// so that the zone does not change before it is stored.
async fn home(viewer: &Viewer, due: Option<&Due>) -> Result<TimeZone> {
    match due {
        Some(due) if due.is_floating() => auth::home(viewer).await,
        _ => Ok(TimeZone::utc()),
    }
}

/// Moves what goes by the person's days to their new time zone: another instant is no other due date, and
/// so no other version. The caller holds the log's lock.
pub(crate) async fn follow(viewer: &Viewer, home: &TimeZone) -> Result<()> {
    let floating = Entity::find()
        .filter(Column::DueDate.is_not_null())
        .filter(Column::DueTimeZone.is_null());
    let mut rows = Vec::new();
    for task in viewer.all(floating).await? {
        let due = Due::of(&task);
        if due.as_ref().map(|due| due.at(home)) != task.due_at {
            let mut row = task.into_active_model().reset_all();
            Due::write(due.as_ref(), home, &mut row);
            rows.push(row);
        }
    }
    let last = viewer.take_seqs(rows.len().try_into().unwrap_or(0)).await?;
    for (row, seq) in rows.iter_mut().rev().zip((0..=last).rev()) {
        row.seq = Set(seq);
        row.origin_session_id = Set(Some(viewer.session_id()));
    }
    let written = [
        Column::DueAt,
        Column::DueKey,
        Column::Seq,
        Column::OriginSessionId,
    ];
    viewer.rewrite(rows, &written).await
}

/// The position after every other. The caller holds the log's lock, so no other task takes it.
async fn last_position(viewer: &Viewer) -> Result<String> {
    let last = viewer
        .one(Entity::find().order_by_desc(Column::Position).limit(1))
        .await?;
    let last = last.map(|task| task.position);
    lexicon_fractional_index::key_between(&last, &None)
        .map_err(|message| Error::internal(sea_orm::DbErr::Type(message)))
}
