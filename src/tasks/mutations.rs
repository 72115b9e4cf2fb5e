//! What tasks can be told to do: inputs, payloads, and the verbs between them.
//!
//! A payload that shows a user is generic over it: `graphql/user.rs` puts that type together from more
//! slices than this one.

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
    error::{Fault, Nullable, Result, UserError, UserErrorCode},
    id::TaskId,
    identity,
    input::{Edit, Faults, clearable, named_payload, required},
    payload,
    scope::{SyncError, Viewer},
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
        let mut rest = Edit::<TaskFields>::default();
        let title = required(self.title, |title| Title::parse(&title));
        rest.set(faults.check("title", title), |task| &mut task.title);
        let description = clearable(self.description, Description::parse);
        rest.set(faults.check("description", description), |task| {
            &mut task.description
        });
        let priority = required(self.priority, Ok);
        rest.set(faults.check("priority", priority), |task| {
            &mut task.priority
        });
        let due = faults.check("due", clearable(self.due, Due::parse));
        let (task, user_errors) = match due {
            Some(due) if faults.0.is_empty() => {
                let edit = TaskEdit { due, rest };
                let update = async {
                    super::update(viewer, task_id(&self.id)?, self.if_version, edit).await
                };
                show(viewer, update.await)?
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
        let placement = self.placement.into();
        let move_to =
            async { super::move_to(viewer, task_id(&self.id)?, self.if_version, placement).await };
        let (task, user_errors) = show(viewer, move_to.await)?;
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

/// The id of a task. An invalid one matches no task.
fn task_id(id: &ID) -> TaskResult<TaskId> {
    Ok(id.parse().map_err(|_| SyncError::NotFound)?)
}

/// The task and the errors of a payload.
fn show(viewer: &Viewer, result: TaskResult<Model>) -> Result<(Option<Task>, Vec<UserError>)> {
    let result = match result {
        Ok(task) => Ok(task),
        Err(TaskError::Sync(error)) => Err(error),
        Err(TaskError::PlacementTargetNotFound) => {
            let message = "There is no such task to place it beside.";
            let fault = Fault::new(UserErrorCode::NotFound, message);
            return Ok((None, vec![fault.at("placement")]));
        }
        Err(TaskError::LimitReached(reached)) => {
            let fault = Fault::new(UserErrorCode::LimitReached, reached.of_account());
            return Ok((None, vec![fault.nowhere()]));
        }
    };
    let (task, user_errors) = payload::of::<Entity>(result)?;
    Ok((task.map(|task| Task::new(task, viewer)), user_errors))
}
