//! The edge of tasks: what the schema says of a user's tasks.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::{
    counts::Counts,
    filter::TaskFilter,
    floating_due,
    moment::LocalNow,
    order::{self, TaskOrder},
    scan,
    task::Task,
};
use crate::{
    error::{Nullable, Result},
    pagination::connection::Connection,
    pagination::page::Page,
    scope::Viewer,
};

/// What tasks say of a person: theirs.
#[derive(Clone)]
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
    /// Their tasks, newest first unless another order is asked for. `first` or `last` is 1 to 100, and
    /// `first` is 50 when both are left out; asking for both is an error. A cursor is of one order and one
    /// filter: with another it is `INVALID_CURSOR`.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are those of the field in the schema"
    )]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<TaskFilter>,
        order_by: Option<Vec<TaskOrder>>,
    ) -> Result<Connection<Task>> {
        let page = Page::parse(first, after, last, before)?;
        let order_by = order_by.unwrap_or_default();
        let order = Arc::new(order::keyset(&order_by, filter.as_ref())?);
        let filtering = filter.as_ref().map_or(0, TaskFilter::work);
        let counting = if ctx.look_ahead().field("totalCount").exists() {
            scan::COMPARISON + filtering
        } else {
            0
        };
        let work = filtering + order::work(&order_by) + counting;
        scan::charge(ctx, &self.viewer, work).await?;
        let needs_days = filter.as_ref().is_some_and(TaskFilter::needs_days);
        loop {
            let now = if needs_days {
                floating_due::local_now(&self.viewer).await?
            } else {
                LocalNow::in_utc(self.viewer.now())
            };
            let query = super::query(&now, filter.as_ref())?;
            let order = Arc::clone(&order);
            let page = Connection::read(ctx, &self.viewer, query, order, page.clone()).await?;
            if !needs_days || floating_due::is_still(&self.viewer, &now).await? {
                return Ok(page);
            }
        }
    }

    /// How many tasks there are that pass the filter, in one count.
    async fn task_counts(&self, ctx: &Context<'_>, filter: Option<TaskFilter>) -> Result<Counts> {
        let filtering = filter.as_ref().map_or(0, TaskFilter::work);
        scan::charge(ctx, &self.viewer, Counts::WORK + filtering).await?;
        Counts::read(&self.viewer, filter.as_ref()).await
    }

    /// One of their tasks; null when there is no such task, or it is somebody else's.
    async fn task(&self, id: ID) -> Nullable<Task> {
        let id = id.parse().ok()?;
        Task::load(&self.viewer, id).await.transpose()
    }
}
