//! The edge of tasks: what the schema says of a task and of lists of them.

use async_graphql::{ID, Object};
use sea_orm::{EntityTrait, Select};

use super::{Column, Entity, Model, Priority};
use crate::{
    auth::{
        Viewer,
        list::{Connection, Listed},
    },
    clock::Timestamp,
    error::{Nullable, Result},
    id::TaskId,
};

/// Something to do.
#[derive(Clone)]
pub(crate) struct Task(pub(super) Model);

impl Listed for Task {
    type Entity = Entity;
    type Id = TaskId;

    const ID: Column = Column::Id;

    fn of(row: Model, _: &Viewer) -> Self {
        Self(row)
    }

    fn list_id(&self) -> TaskId {
        self.0.id
    }

    fn select(_: &Viewer) -> Select<Entity> {
        Entity::find()
    }
}

impl Task {
    /// The viewer's task with this id.
    pub(crate) async fn find(viewer: &Viewer, id: TaskId) -> Result<Option<Self>> {
        Ok(super::one(viewer, id).await?.map(Self))
    }
}

/// Something to do.
#[Object]
impl Task {
    /// Stable and global: `task_` and 26 characters.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Starts at 1, one more with every committed change. Hand it back as `ifVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// 1 to 500 code points.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// At most 16,384 code points.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// Whether it is done.
    async fn completed(&self) -> bool {
        self.0.completed_at.is_some()
    }

    /// When it was done; null while it is not.
    async fn completed_at(&self) -> Option<Timestamp> {
        self.0.completed_at
    }

    /// How urgent it is.
    async fn priority(&self) -> Priority {
        self.0.priority
    }

    /// A fractional index; compare as bytes, ties by id.
    async fn position(&self) -> &str {
        &self.0.position
    }

    /// When it was made; a client that minted the id said when.
    async fn created_at(&self) -> Timestamp {
        // Every id that is stored is of version 7.
        self.0.id.made_at().unwrap_or(self.0.updated_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> Timestamp {
        self.0.updated_at
    }
}

/// What tasks say of a person: theirs.
pub(crate) struct TaskLists {
    viewer: Viewer,
}

impl TaskLists {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self { viewer }
    }
}

#[Object]
impl TaskLists {
    /// Their tasks, newest first. `first` or `last` is 1 to 100, and `first` is 50 when both are
    /// left out; asking for both is an error.
    async fn tasks(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Task>> {
        Connection::read(&self.viewer, first, after, last, before).await
    }

    /// One of their tasks; null when there is no such task, or it is somebody else's.
    async fn task(&self, id: ID) -> Nullable<Task> {
        let id = id.parse().ok()?;
        Task::find(&self.viewer, id).await.transpose()
    }
}
