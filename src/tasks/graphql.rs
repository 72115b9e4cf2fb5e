//! The edge of tasks: what the schema says of a task and of lists of them.

use async_graphql::{ID, Object};

use super::{Found, Model, Priority};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    error::{Nullable, Result},
    id::TaskId,
    page::{Page, PageInfo, write_cursor},
};

/// Something to do.
pub(crate) struct Task(pub(super) Model);

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
    ) -> Result<TaskConnection> {
        let page = Page::parse(first, after, last, before)?;
        Ok(TaskConnection {
            found: super::page(&self.viewer, &page).await?,
            viewer: self.viewer.clone(),
        })
    }

    /// One of their tasks; null when there is no such task, or it is somebody else's.
    async fn task(&self, id: ID) -> Nullable<Task> {
        let id = id.parse().ok()?;
        Task::find(&self.viewer, id).await.transpose()
    }
}

/// A page of a person's tasks.
pub(crate) struct TaskConnection {
    found: Found,
    viewer: Viewer,
}

/// A page of tasks.
#[Object]
impl TaskConnection {
    /// The tasks, each with its cursor.
    async fn edges(&self) -> Vec<TaskEdge> {
        let tasks = self.found.tasks.iter();
        tasks.map(|task| TaskEdge(task.clone())).collect()
    }

    /// The tasks.
    async fn nodes(&self) -> Vec<Task> {
        self.found.tasks.iter().cloned().map(Task).collect()
    }

    /// Where in the whole list the page is.
    async fn page_info(&self) -> PageInfo {
        let cursor = |task: &Model| write_cursor(&task.id);
        PageInfo {
            has_next_page: self.found.has_next,
            has_previous_page: self.found.has_previous,
            start_cursor: self.found.tasks.first().map(cursor),
            end_cursor: self.found.tasks.last().map(cursor),
        }
    }

    /// How many tasks there are on all pages; counted only when asked for.
    async fn total_count(&self) -> Result<i32> {
        let count = super::count(&self.viewer).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}

/// A task on a page.
pub(crate) struct TaskEdge(Model);

/// A task on a page.
#[Object]
impl TaskEdge {
    /// Its position, to be handed back as `after` or `before`.
    async fn cursor(&self) -> String {
        write_cursor(&self.0.id)
    }

    /// The task.
    async fn node(&self) -> Task {
        Task(self.0.clone())
    }
}
