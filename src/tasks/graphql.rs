//! The fields of `User` that read tasks: a list, counts, and one task by its id.

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
    output::Inline,
    pagination::connection::Connection,
    pagination::page::Page,
    scope::Viewer,
};

/// The fields of `User` that read the viewer's tasks.
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
    /// The viewer's tasks, newest first unless `orderBy` is given. A cursor is valid only with the
    /// `filter` and the `orderBy` that it was returned for; with others it is `INVALID_CURSOR`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the field in the schema has as many arguments"
    )]
    async fn tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The number of edges from the start, 1 to 100; 50 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.endCursor`. Only edges after it are returned."
        )]
        after: Option<String>,
        #[graphql(
            desc = "The number of edges from the end, 1 to 100. With `first` as well, the request fails with \
                    `BAD_USER_INPUT`."
        )]
        last: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.startCursor`. Only edges before it are returned."
        )]
        before: Option<String>,
        #[graphql(
            desc = "The conditions that listed tasks match. If omitted, all tasks are listed."
        )]
        filter: Option<TaskFilter>,
        #[graphql(
            desc = "The sort keys, the most significant first, at most 7. If omitted or empty, the newest \
                    task comes first."
        )]
        order_by: Option<Vec<TaskOrder>>,
    ) -> Result<Inline<Connection<Task>>> {
        let page = Page::parse(first, after, last, before)?;
        let order_by = order_by.unwrap_or_default();
        let order = Arc::new(order::keyset(&order_by, filter.as_ref())?);
        let filtering = filter.as_ref().map_or(0, TaskFilter::work);
        let counting = if ctx.look_ahead().field("totalCount").exists() {
            scan::COUNT + filtering
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

    /// The number of the viewer's tasks in each state, at one point in time.
    async fn task_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The conditions that counted tasks match. If omitted, all tasks are counted."
        )]
        filter: Option<TaskFilter>,
    ) -> Result<Counts> {
        let filtering = filter.as_ref().map_or(0, TaskFilter::work);
        scan::charge(ctx, &self.viewer, Counts::WORK + filtering).await?;
        Counts::read(&self.viewer, filter.as_ref()).await
    }

    /// The viewer's task with this id; null if the viewer has no such task.
    async fn task(
        &self,
        #[graphql(desc = "The id of a task, such as `task_01m7z28m7jes1vymbfcst73dsj`.")] id: ID,
    ) -> Nullable<Inline<Task>> {
        let id = id.parse().ok()?;
        let task = Task::load(&self.viewer, id).await;
        task.map(|task| task.map(Inline)).transpose()
    }
}
