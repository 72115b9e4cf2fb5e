//! What tasks can be told to do: inputs, payloads, and the verbs between them.
//!
//! A payload that shows a user is generic over it: `graphql/user.rs` puts that type together from more
//! slices than this one.

use std::marker::PhantomData;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OutputType, SimpleObject};

use super::{
    Changes, Description, Draft, Due, Model, Priority, Refusal, TaskFields, Title, client_id,
    due::DueInput,
    graphql::Task,
    placement::{ListEdge, Placement, PlacementInput},
};
use crate::{
    config::AccountLimits,
    error::{Fault, Nullable, Result, UserError, UserErrorCode},
    identity::{self},
    input::{Faults, clearable, named_payload, required},
    scope::Viewer,
};

/// What tasks can be told to do; `U` is the schema's user.
pub(crate) struct TaskMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for TaskMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> TaskMutation<U> {
    /// Makes a task, last in the manual order unless it is placed elsewhere.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        input: CreateTaskInput,
    ) -> Nullable<CreateTaskPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Changes a task. What changes nothing takes no version.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        input: UpdateTaskInput,
    ) -> Nullable<UpdateTaskPayload> {
        Some(input.run(ctx).await)
    }

    /// Says whether a task is done: a set, not a toggle, so that it is safe to send twice.
    async fn set_task_completed(
        &self,
        ctx: &Context<'_>,
        input: SetTaskCompletedInput,
    ) -> Nullable<SetTaskCompletedPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Moves a task in the manual order. Where it is already, nothing changes.
    async fn move_task(
        &self,
        ctx: &Context<'_>,
        input: MoveTaskInput,
    ) -> Nullable<MoveTaskPayload> {
        Some(input.run(ctx).await)
    }

    /// Removes a task for good. Its id is refused for the next 30 days.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        input: DeleteTaskInput,
    ) -> Nullable<DeleteTaskPayload<U>> {
        Some(input.run(ctx).await)
    }
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
    due: Option<DueInput>,
    /// Last when left out.
    placement: Option<PlacementInput>,
}

/// The answer to `createTask`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct CreateTaskPayload<U: OutputType> {
    task: Option<Task>,
    /// Whose it is, so that lists and counts can be read in the same request.
    viewer: Option<U>,
    user_errors: Vec<UserError>,
}
named_payload!(CreateTaskPayload);

impl CreateTaskInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<CreateTaskPayload<U>> {
        let viewer = identity::viewer(ctx)?;
        let mut faults = Faults::default();
        let id = self.id.map(|id| client_id::parse(&id, viewer.now()));
        let id = faults.check("id", id.transpose());
        let title = faults.check("title", Title::parse(&self.title));
        let description = self.description.map(Description::parse).transpose();
        let description = faults.check("description", description);
        let due = faults.check("due", self.due.map(Due::parse).transpose());
        let (task, user_errors) = match (id, title, description, due) {
            (Some(id), Some(title), Some(description), Some(due)) => {
                let draft = Draft {
                    id,
                    fields: TaskFields {
                        title,
                        description,
                        priority: self.priority,
                        due,
                    },
                    placement: self
                        .placement
                        .map_or(Placement::Edge(ListEdge::Last), Into::into),
                };
                let limits: &AccountLimits = ctx.data_unchecked();
                show(viewer, super::create(viewer, *limits, draft).await)?
            }
            _ => (None, faults.0),
        };
        Ok(CreateTaskPayload {
            task,
            viewer: Some(viewer.clone().into()),
            user_errors,
        })
    }
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
    due: MaybeUndefined<DueInput>,
}

/// The answer to `updateTask`.
#[derive(SimpleObject)]
struct UpdateTaskPayload {
    /// On `VERSION_CONFLICT`, the task as it is stored.
    task: Option<Task>,
    user_errors: Vec<UserError>,
}

impl UpdateTaskInput {
    async fn run(self, ctx: &Context<'_>) -> Result<UpdateTaskPayload> {
        let viewer = identity::viewer(ctx)?;
        let mut faults = Faults::default();
        let title = required(self.title, |title| Title::parse(&title));
        let title = faults.check("title", title);
        let description = clearable(self.description, Description::parse);
        let description = faults.check("description", description);
        let priority = faults.check("priority", required(self.priority, Ok));
        let due = faults.check("due", clearable(self.due, Due::parse));
        let (task, user_errors) = match (title, description, priority, due) {
            (Some(title), Some(description), Some(priority), Some(due)) => {
                let changes = Changes {
                    title,
                    description,
                    priority,
                    due,
                    completed: None,
                };
                update(viewer, &self.id, self.if_version, changes).await?
            }
            _ => (None, faults.0),
        };
        Ok(UpdateTaskPayload { task, user_errors })
    }
}

#[derive(InputObject)]
struct SetTaskCompletedInput {
    id: ID,
    completed: bool,
    /// Change it only if it is still at this version.
    if_version: Option<i32>,
}

/// The answer to `setTaskCompleted`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct SetTaskCompletedPayload<U: OutputType> {
    /// On `VERSION_CONFLICT`, the task as it is stored.
    task: Option<Task>,
    /// Whose it is, so that lists and counts can be read in the same request.
    viewer: Option<U>,
    user_errors: Vec<UserError>,
}
named_payload!(SetTaskCompletedPayload);

impl SetTaskCompletedInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<SetTaskCompletedPayload<U>> {
        let viewer = identity::viewer(ctx)?;
        let changes = Changes {
            completed: Some(self.completed),
            ..Changes::default()
        };
        let (task, user_errors) = update(viewer, &self.id, self.if_version, changes).await?;
        Ok(SetTaskCompletedPayload {
            task,
            viewer: Some(viewer.clone().into()),
            user_errors,
        })
    }
}

#[derive(InputObject)]
struct MoveTaskInput {
    id: ID,
    placement: PlacementInput,
    /// Move it only if it is still at this version.
    if_version: Option<i32>,
}

/// The answer to `moveTask`.
#[derive(SimpleObject)]
struct MoveTaskPayload {
    /// On `VERSION_CONFLICT`, the task as it is stored.
    task: Option<Task>,
    user_errors: Vec<UserError>,
}

impl MoveTaskInput {
    async fn run(self, ctx: &Context<'_>) -> Result<MoveTaskPayload> {
        let viewer = identity::viewer(ctx)?;
        let moved = match self.id.parse() {
            Ok(id) => super::place(viewer, id, self.if_version, self.placement.into()).await,
            Err(_) => Err(Refusal::NotFound),
        };
        let (task, user_errors) = show(viewer, moved)?;
        Ok(MoveTaskPayload { task, user_errors })
    }
}

#[derive(InputObject)]
struct DeleteTaskInput {
    id: ID,
    /// Delete it only if it is still at this version.
    if_version: Option<i32>,
}

/// The answer to `deleteTask`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct DeleteTaskPayload<U: OutputType> {
    deleted_task_id: Option<ID>,
    /// Whose it was, so that lists and counts can be read in the same request.
    viewer: Option<U>,
    user_errors: Vec<UserError>,
}
named_payload!(DeleteTaskPayload);

impl DeleteTaskInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<DeleteTaskPayload<U>> {
        let viewer = identity::viewer(ctx)?;
        let deleted = match self.id.parse() {
            Ok(id) => super::delete(viewer, id, self.if_version).await,
            Err(_) => Err(Refusal::NotFound),
        };
        let (deleted_task_id, user_errors) = match deleted {
            Ok(id) => (Some(id.into()), Vec::new()),
            Err(refusal) => (None, show(viewer, Err(refusal))?.1),
        };
        Ok(DeleteTaskPayload {
            deleted_task_id,
            viewer: Some(viewer.clone().into()),
            user_errors,
        })
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
        Ok(id) => show(viewer, super::update(viewer, id, if_version, changes).await),
        Err(_) => show(viewer, Err(Refusal::NotFound)),
    }
}

/// The task and the errors of a payload.
fn show(
    viewer: &Viewer,
    result: std::result::Result<Model, Refusal>,
) -> Result<(Option<Task>, Vec<UserError>)> {
    let wrong = |code, message: &str| Ok((None, vec![Fault::new(code, message).at("id")]));
    match result {
        Ok(task) => Ok((Some(Task::new(task, viewer)), Vec::new())),
        Err(Refusal::Unchanged(task)) => Ok((Some(Task::new(*task, viewer)), Vec::new())),
        Err(Refusal::NotFound) => wrong(UserErrorCode::NotFound, "There is no such task."),
        Err(Refusal::NoNeighbour) => {
            let message = "There is no such task to place it beside.";
            let fault = Fault::new(UserErrorCode::NotFound, message);
            Ok((None, vec![fault.at("placement")]))
        }
        Err(Refusal::LimitReached(reached)) => {
            let fault = Fault::new(UserErrorCode::LimitReached, reached.of_account());
            Ok((None, vec![fault.nowhere()]))
        }
        Err(Refusal::WasDeleted) => wrong(
            UserErrorCode::AlreadyExists,
            "There was a task with this id, and it was deleted. Make a new id.",
        ),
        Err(Refusal::Conflict(task)) => {
            let conflict = UserError::version_conflict(task.version);
            Ok((Some(Task::new(*task, viewer)), vec![conflict]))
        }
        Err(Refusal::Failed(error)) => Err(error),
    }
}
