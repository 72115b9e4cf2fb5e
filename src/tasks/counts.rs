//! How many tasks there are, by how they stand.

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

/// How many tasks there are, by how they stand.
#[derive(SimpleObject)]
#[graphql(name = "TaskCounts")]
pub(crate) struct Counts {
    total: i32,
    open: i32,
    completed: i32,
    /// Open, and due before now.
    overdue: i32,
    /// Open, and due today where the viewer is.
    due_today: i32,
}

impl Counts {
    /// The work on one task, as [`scan`] counts it: each of the four counts compares it.
    pub(super) const WORK: u64 = 4 * scan::COMPARISON;

    /// Of those that pass the filter, in one statement.
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
