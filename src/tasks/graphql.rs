//! The edge of tasks: what the schema says of a task and of lists of them.

use std::{borrow::Cow, marker::PhantomData};

use async_graphql::{
    Context, ID, InputObject, MaybeUndefined, Object, OutputType, Result, SimpleObject, TypeName,
};

use super::{
    Changes, Description, Draft, Found, Model, Priority, Refusal, Title, minted_id,
};
use crate::{
    auth::{self, Viewer},
    clock::Timestamp,
    error::{self, Fault, Faults, UserError, UserErrorCode, clearable, required},
    id::TaskId,
    page::{Page, PageInfo, write_cursor},
};

/// Something to do.
pub(crate) struct Task(Model);

impl Task {
    /// The viewer's task with this id.
    pub(crate) async fn find(viewer: &Viewer, id: TaskId) -> error::Result<Option<Self>> {
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
    async fn task(&self, id: ID) -> Result<Option<Task>> {
        match id.parse() {
            Ok(id) => Ok(Task::find(&self.viewer, id).await?),
            Err(_) => Ok(None),
        }
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

/// Names a payload in the schema: they are generic, and a generic type has no name of its own.
macro_rules! named_payload {
    ($($name:ident),*) => {$(
        impl<U: OutputType> TypeName for $name<U> {
            fn type_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}
named_payload!(CreateTaskPayload, SetTaskCompletedPayload, DeleteTaskPayload);

/// The answer to `createTask`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct CreateTaskPayload<U: OutputType> {
    task: Option<Task>,
    /// Whose it is, so that lists and counts can be read in the same request.
    viewer: Option<U>,
    user_errors: Vec<UserError>,
}

/// The answer to `updateTask`.
#[derive(SimpleObject)]
pub(crate) struct UpdateTaskPayload {
    /// On `VERSION_CONFLICT`, the task as it is stored.
    task: Option<Task>,
    user_errors: Vec<UserError>,
}

/// The answer to `setTaskCompleted`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct SetTaskCompletedPayload<U: OutputType> {
    /// On `VERSION_CONFLICT`, the task as it is stored.
    task: Option<Task>,
    /// Whose it is, so that lists and counts can be read in the same request.
    viewer: Option<U>,
    user_errors: Vec<UserError>,
}

/// The answer to `deleteTask`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct DeleteTaskPayload<U: OutputType> {
    deleted_task_id: Option<ID>,
    /// Whose it was, so that lists and counts can be read in the same request.
    viewer: Option<U>,
    user_errors: Vec<UserError>,
}

#[derive(InputObject)]
struct CreateTaskInput {
    /// Minted by the client: `task_` and a UUIDv7, at most five minutes ahead. Sending the same id
    /// again answers with the task that is stored, so that a create can be retried.
    id: Option<ID>,
    /// 1 to 500 code points after trimming.
    title: String,
    /// At most 16,384 code points.
    description: Option<String>,
    #[graphql(default)]
    priority: Priority,
}

/// Left out is unchanged, null clears.
#[derive(InputObject)]
struct UpdateTaskInput {
    id: ID,
    /// Change it only if it is still at this version.
    if_version: Option<i32>,
    /// 1 to 500 code points after trimming.
    title: MaybeUndefined<String>,
    /// At most 16,384 code points.
    description: MaybeUndefined<String>,
    priority: MaybeUndefined<Priority>,
}

#[derive(InputObject)]
struct SetTaskCompletedInput {
    id: ID,
    completed: bool,
    /// Change it only if it is still at this version.
    if_version: Option<i32>,
}

#[derive(InputObject)]
struct DeleteTaskInput {
    id: ID,
    /// Delete it only if it is still at this version.
    if_version: Option<i32>,
}

/// What tasks can be told to do.
pub(crate) struct TaskMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for TaskMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> TaskMutation<U> {
    /// Makes a task, last in the order of positions.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskInput,
    ) -> Result<Option<CreateTaskPayload<U>>> {
        let viewer = auth::viewer(ctx)?;
        let mut faults = Faults::default();
        let id = input.id.map(|id| minted_id::parse(&id, viewer.now()));
        let id = faults.check("id", id.transpose());
        let title = faults.check("title", Title::parse(&input.title));
        let description = input.description.map(Description::parse).transpose();
        let description = faults.check("description", description);
        let (task, user_errors) = match (id, title, description) {
            (Some(id), Some(title), Some(description)) => {
                let draft = Draft {
                    id,
                    title,
                    description,
                    priority: input.priority,
                };
                answer(super::create(viewer, draft).await)?
            }
            _ => (None, faults.0),
        };
        Ok(Some(CreateTaskPayload {
            task,
            viewer: Some(viewer.clone().into()),
            user_errors,
        }))
    }

    /// Changes a task. What changes nothing takes no version.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskInput,
    ) -> Result<Option<UpdateTaskPayload>> {
        let viewer = auth::viewer(ctx)?;
        let mut faults = Faults::default();
        let title = required(input.title, |title| Title::parse(&title));
        let title = faults.check("title", title);
        let description = clearable(input.description, Description::parse);
        let description = faults.check("description", description);
        let priority = faults.check("priority", required(input.priority, Ok));
        let (task, user_errors) = match (title, description, priority) {
            (Some(title), Some(description), Some(priority)) => {
                let changes = Changes {
                    title,
                    description,
                    priority,
                    completed: None,
                };
                update(viewer, &input.id, input.if_version, changes).await?
            }
            _ => (None, faults.0),
        };
        Ok(Some(UpdateTaskPayload { task, user_errors }))
    }

    /// Says whether a task is done: a set, not a toggle, so that it is safe to send twice.
    async fn set_task_completed(
        &self,
        ctx: &Context<'_>,
        input: SetTaskCompletedInput,
    ) -> Result<Option<SetTaskCompletedPayload<U>>> {
        let viewer = auth::viewer(ctx)?;
        let changes = Changes {
            completed: Some(input.completed),
            ..Changes::default()
        };
        let (task, user_errors) = update(viewer, &input.id, input.if_version, changes).await?;
        Ok(Some(SetTaskCompletedPayload {
            task,
            viewer: Some(viewer.clone().into()),
            user_errors,
        }))
    }

    /// Removes a task for good. Its id is never used again.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskInput,
    ) -> Result<Option<DeleteTaskPayload<U>>> {
        let viewer = auth::viewer(ctx)?;
        let deleted = match input.id.parse() {
            Ok(id) => super::delete(viewer, id, input.if_version).await,
            Err(_) => Err(Refusal::NotFound),
        };
        let (deleted_task_id, user_errors) = match deleted {
            Ok(id) => (Some(id.into()), Vec::new()),
            Err(refusal) => (None, answer(Err(refusal))?.1),
        };
        Ok(Some(DeleteTaskPayload {
            deleted_task_id,
            viewer: Some(viewer.clone().into()),
            user_errors,
        }))
    }
}

async fn update(
    viewer: &Viewer,
    id: &ID,
    if_version: Option<i32>,
    changes: Changes,
) -> Result<(Option<Task>, Vec<UserError>)> {
    // What is no task's id is the id of no task.
    match id.parse() {
        Ok(id) => answer(super::update(viewer, id, if_version, changes).await),
        Err(_) => answer(Err(Refusal::NotFound)),
    }
}

/// The task and the errors of a payload.
fn answer(
    result: std::result::Result<Model, Refusal>,
) -> Result<(Option<Task>, Vec<UserError>)> {
    let wrong = |code, message: &str| Ok((None, vec![Fault::new(code, message).at("id")]));
    match result {
        Ok(task) => Ok((Some(Task(task)), Vec::new())),
        Err(Refusal::Unchanged(task)) => Ok((Some(Task(*task)), Vec::new())),
        Err(Refusal::NotFound) => wrong(UserErrorCode::NotFound, "There is no such task."),
        Err(Refusal::WasDeleted) => wrong(
            UserErrorCode::AlreadyExists,
            "There was a task with this id, and it was deleted. Make a new id.",
        ),
        Err(Refusal::Conflict(task)) => {
            let conflict = UserError::version_conflict(task.version);
            Ok((Some(Task(*task)), vec![conflict]))
        }
        Err(Refusal::Failed(error)) => Err(error.into()),
    }
}
