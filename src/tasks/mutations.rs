//! The mutations of tasks: validates their inputs, runs them, and builds their payloads.
//!
//! A payload with a user is generic over the user's type, because `graphql/user.rs` merges that type
//! from several slices.

use std::marker::PhantomData;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OutputType, SimpleObject};

use super::{
    Description, Due, Entity, Model, NewTask, Priority, Task, TaskEdit, TaskError, TaskFields,
    TaskResult, Title, client_id,
    due::DueInput,
    placement::{ListEdge, Placement, PlacementInput},
};
use crate::{
    config::AccountLimits,
    error::{FieldError, Nullable, Result, UserError, UserErrorCode},
    id::TaskId,
    identity,
    input::{Edit, FieldErrors, named_payload, parse_clearable, parse_required},
    output::Inline,
    payload,
    scope::{SyncError, Viewer},
};

/// The mutations of tasks; `U` is the schema's `User` type.
pub(crate) struct TaskMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for TaskMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> TaskMutation<U> {
    /// Creates a task, at the end of the manual order unless `placement` is given. Its user errors are
    /// `REQUIRED`, `TOO_LONG` and `INVALID` for a field, `NOT_FOUND` for `placement`, `ALREADY_EXISTS`
    /// for the id of a deleted task, and `LIMIT_REACHED`.
    async fn create_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new task.")] input: CreateTaskInput,
    ) -> Nullable<CreateTaskPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Changes fields of a task. If nothing changes, the task's version stays the same. Its user errors
    /// are `REQUIRED`, `TOO_LONG` and `INVALID` for a field, `NOT_FOUND` and `VERSION_CONFLICT`.
    async fn update_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the task, and the fields to change.")] input: UpdateTaskInput,
    ) -> Nullable<UpdateTaskPayload> {
        Some(input.run(ctx).await)
    }

    /// Marks a task as completed or as open. The mutation sets the state and does not toggle it, so it
    /// is safe to retry. Its user errors are `NOT_FOUND` and `VERSION_CONFLICT`.
    async fn set_task_completed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the task, and its new state.")] input: SetTaskCompletedInput,
    ) -> Nullable<SetTaskCompletedPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Moves a task in the manual order. If the task is already at this place, nothing changes. Its user
    /// errors are `NOT_FOUND`, for `id` or `placement`, and `VERSION_CONFLICT`.
    async fn move_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the task, and its new place.")] input: MoveTaskInput,
    ) -> Nullable<MoveTaskPayload> {
        Some(input.run(ctx).await)
    }

    /// Deletes a task permanently. `createTask` rejects its id for 30 days. Its user errors are
    /// `NOT_FOUND` and `VERSION_CONFLICT`.
    async fn delete_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the task, and its expected version.")] input: DeleteTaskInput,
    ) -> Nullable<DeleteTaskPayload<U>> {
        Some(input.run(ctx).await)
    }
}

/// The fields of a new task.
#[derive(InputObject)]
struct CreateTaskInput {
    /// An id that the client generates, so that it can retry the create: `task_` and a UUIDv7 in 26
    /// characters (TypeID), at most five minutes ahead of the server's clock. If the viewer has a task
    /// with this id, the answer is the stored task, unchanged. If omitted, the server generates an id.
    id: Option<ID>,
    /// The title, 1 to 500 code points after trimming.
    title: String,
    /// The description, at most 16,384 code points, not trimmed. If omitted or null, the task has none.
    description: Option<String>,
    /// The priority; `NONE` if omitted.
    #[graphql(default)]
    priority: Priority,
    /// The due date. If omitted or null, the task has none.
    due: Option<DueInput>,
    /// The place in the manual order; the end of the list if omitted or null.
    placement: Option<PlacementInput>,
}

/// The result of `createTask`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct CreateTaskPayload<U: OutputType> {
    /// The created task, or the stored task if its id was sent before; null if there are errors.
    task: Option<Inline<Task>>,
    /// The owner of the task, to read updated lists and counts in the same request.
    viewer: Option<U>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}
named_payload!(CreateTaskPayload);

impl CreateTaskInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<CreateTaskPayload<U>> {
        let viewer = identity::viewer(ctx)?;
        let mut field_errors = FieldErrors::default();
        let id = self.id.map(|id| client_id::parse(&id, viewer.now()));
        let id = field_errors.check("id", id.transpose());
        let title = field_errors.check("title", Title::parse(&self.title));
        let description = self.description.map(Description::parse).transpose();
        let description = field_errors.check("description", description);
        let due = field_errors.check("due", self.due.map(Due::parse).transpose());
        let (task, user_errors) = match (id, title, description, due) {
            (Some(id), Some(title), Some(description), Some(due)) => {
                let task = NewTask {
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
                show(viewer, super::create(viewer, *limits, task).await)?
            }
            _ => (None, field_errors.0),
        };
        Ok(CreateTaskPayload {
            task,
            viewer: Some(viewer.clone().into()),
            user_errors,
        })
    }
}

/// Changes of a task's fields. An omitted field stays unchanged.
#[derive(InputObject)]
struct UpdateTaskInput {
    /// The id of the task to change.
    id: ID,
    /// If given and the task's version differs, nothing changes and the answer has
    /// `VERSION_CONFLICT`.
    if_version: Option<i32>,
    /// The new title, 1 to 500 code points after trimming. Null is rejected with `REQUIRED`.
    title: MaybeUndefined<String>,
    /// The new description, at most 16,384 code points, not trimmed. Null removes the description.
    description: MaybeUndefined<String>,
    /// The new priority. Null is rejected with `REQUIRED`; `NONE` removes the priority.
    priority: MaybeUndefined<Priority>,
    /// The new due date, which replaces the stored one as a whole. Null removes the due date.
    due: MaybeUndefined<DueInput>,
}

/// The result of `updateTask`.
#[derive(SimpleObject)]
struct UpdateTaskPayload {
    /// The changed task; on `VERSION_CONFLICT`, the stored task; null on any other error.
    task: Option<Inline<Task>>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl UpdateTaskInput {
    async fn run(self, ctx: &Context<'_>) -> Result<UpdateTaskPayload> {
        let viewer = identity::viewer(ctx)?;
        let mut field_errors = FieldErrors::default();
        let mut rest = Edit::<TaskFields>::default();
        let title = parse_required(self.title, |title| Title::parse(&title));
        rest.set(field_errors.check("title", title), |task| &mut task.title);
        let description = parse_clearable(self.description, Description::parse);
        rest.set(field_errors.check("description", description), |task| {
            &mut task.description
        });
        let priority = parse_required(self.priority, Ok);
        rest.set(field_errors.check("priority", priority), |task| {
            &mut task.priority
        });
        let due = field_errors.check("due", parse_clearable(self.due, Due::parse));
        let (task, user_errors) = match due {
            Some(due) if field_errors.0.is_empty() => {
                let edit = TaskEdit { due, rest };
                let update = async {
                    super::update(viewer, task_id(&self.id)?, self.if_version, edit).await
                };
                show(viewer, update.await)?
            }
            _ => (None, field_errors.0),
        };
        Ok(UpdateTaskPayload { task, user_errors })
    }
}

/// The new state of a task.
#[derive(InputObject)]
struct SetTaskCompletedInput {
    /// The id of the task to change.
    id: ID,
    /// True completes the task; false reopens it.
    completed: bool,
    /// If given and the task's version differs, nothing changes and the answer has
    /// `VERSION_CONFLICT`.
    if_version: Option<i32>,
}

/// The result of `setTaskCompleted`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct SetTaskCompletedPayload<U: OutputType> {
    /// The changed task; on `VERSION_CONFLICT`, the stored task; null on any other error.
    task: Option<Inline<Task>>,
    /// The owner of the task, to read updated lists and counts in the same request.
    viewer: Option<U>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}
named_payload!(SetTaskCompletedPayload);

impl SetTaskCompletedInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<SetTaskCompletedPayload<U>> {
        let viewer = identity::viewer(ctx)?;
        let set = async {
            let id = task_id(&self.id)?;
            super::set_completed(viewer, id, self.if_version, self.completed).await
        };
        let (task, user_errors) = show(viewer, set.await)?;
        Ok(SetTaskCompletedPayload {
            task,
            viewer: Some(viewer.clone().into()),
            user_errors,
        })
    }
}

/// The new place of a task in the manual order.
#[derive(InputObject)]
struct MoveTaskInput {
    /// The id of the task to move.
    id: ID,
    /// The new place: beside another task, or at an end of the list.
    placement: PlacementInput,
    /// If given and the task's version differs, nothing changes and the answer has
    /// `VERSION_CONFLICT`.
    if_version: Option<i32>,
}

/// The result of `moveTask`.
#[derive(SimpleObject)]
struct MoveTaskPayload {
    /// The moved task; on `VERSION_CONFLICT`, the stored task; null on any other error.
    task: Option<Inline<Task>>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl MoveTaskInput {
    async fn run(self, ctx: &Context<'_>) -> Result<MoveTaskPayload> {
        let viewer = identity::viewer(ctx)?;
        let placement = self.placement.into();
        let move_to =
            async { super::move_to(viewer, task_id(&self.id)?, self.if_version, placement).await };
        let (task, user_errors) = show(viewer, move_to.await)?;
        Ok(MoveTaskPayload { task, user_errors })
    }
}

/// The task to delete.
#[derive(InputObject)]
struct DeleteTaskInput {
    /// The id of the task to delete.
    id: ID,
    /// If given and the task's version differs, nothing changes and the answer has
    /// `VERSION_CONFLICT`.
    if_version: Option<i32>,
}

/// The result of `deleteTask`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct DeleteTaskPayload<U: OutputType> {
    /// The id of the deleted task; null if there are errors.
    deleted_task_id: Option<ID>,
    /// The owner of the task, to read updated lists and counts in the same request.
    viewer: Option<U>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}
named_payload!(DeleteTaskPayload);

impl DeleteTaskInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<DeleteTaskPayload<U>> {
        let viewer = identity::viewer(ctx)?;
        let delete = async { super::delete(viewer, task_id(&self.id)?, self.if_version).await };
        let (deleted_task_id, user_errors) = match delete.await {
            Ok(()) => (Some(self.id), Vec::new()),
            Err(error) => (None, show(viewer, Err(error))?.1),
        };
        Ok(DeleteTaskPayload {
            deleted_task_id,
            viewer: Some(viewer.clone().into()),
            user_errors,
        })
    }
}

/// Parses the id of a task. Fails with `NotFound` if it is invalid: it matches no task.
fn task_id(id: &ID) -> TaskResult<TaskId> {
    Ok(id.parse().map_err(|_| SyncError::NotFound)?)
}

/// Returns the task and the user errors of a payload.
fn show(
    viewer: &Viewer,
    result: TaskResult<Model>,
) -> Result<(Option<Inline<Task>>, Vec<UserError>)> {
    let result = match result {
        Ok(task) => Ok(task),
        Err(TaskError::Sync(error)) => Err(error),
        Err(TaskError::PlacementTargetNotFound) => {
            let message = "The task to place it beside does not exist.";
            let fault = FieldError::new(UserErrorCode::NotFound, message);
            return Ok((None, vec![fault.at("placement")]));
        }
        Err(TaskError::LimitReached(reached)) => {
            let fault = FieldError::new(UserErrorCode::LimitReached, reached.of_account());
            return Ok((None, vec![fault.without_path()]));
        }
    };
    let (task, user_errors) = payload::of::<Entity>(result)?;
    Ok((
        task.map(|task| Inline(Task::new(task, viewer))),
        user_errors,
    ))
}
