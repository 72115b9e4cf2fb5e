//! The counts of tasks by state, read in one statement.

use super::{
    Column,
    filter::{TaskFilter, is_due_within, is_overdue},
    floating_due,
    moment::LocalNow,
    scan,
};
use crate::{
    error::Result,
    scope::{Filter, Viewer},
};
use async_graphql::SimpleObject;

/// The number of tasks in each state. One task can count in several fields.
#[derive(SimpleObject)]
#[graphql(name = "TaskCounts")]
pub(crate) struct Counts {
    /// The number of tasks that match the filter.
    total: i32,
    /// The number of tasks that are not completed.
    open: i32,
    /// The number of completed tasks: `total` minus `open`.
    completed: i32,
    /// The number of open tasks whose due date has passed.
    overdue: i32,
    /// The number of open tasks that are due today in the viewer's time zone, including tasks that are
    /// overdue since earlier today.
    due_today: i32,
}

impl Counts {
    /// The work per task, as [`scan`] counts it: one comparison for each of the four counts.
    pub(super) const WORK: u64 = 4 * scan::COUNT;

    /// Counts the tasks that match the filter in one statement. Counts again if the viewer's time zone
    /// changed meanwhile.
    pub(super) async fn read(viewer: &Viewer, filter: Option<&TaskFilter>) -> Result<Self> {
        loop {
            let now = floating_due::local_now(viewer).await?;
            let counts = Self::read_at(viewer, &now, filter).await?;
            if floating_due::is_still(viewer, &now).await? {
                return Ok(counts);
            }
        }
    }

    async fn read_at(viewer: &Viewer, now: &LocalNow, filter: Option<&TaskFilter>) -> Result<Self> {
        let open = || Filter::is_null(Column::CompletedAt);
        let is_due_today = now.today().map_or_else(Filter::never, is_due_within);
        let counted = [
            Filter::always(),
            open(),
            is_overdue(now.now),
            is_due_today.and(open()),
        ];
        let query = super::query(now, filter)?;
        let [total, open, overdue, due_today] = viewer.count_each(query, counted).await?;
        let shown = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(Self {
            total: shown(total),
            open: shown(open),
            completed: shown(total - open),
            overdue: shown(overdue),
            due_today: shown(due_today),
        })
    }
}
