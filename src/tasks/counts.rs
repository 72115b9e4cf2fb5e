//! How many tasks there are, by how they stand.

use async_graphql::SimpleObject;
use sea_orm::{
    ColumnTrait, Condition, FromQueryResult, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoCondition},
};

use super::{
    Column,
    filter::{TaskFilter, is_due_within, is_overdue, never},
    floating_due, scan,
};
use crate::{error::Result, scope::Viewer};

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

#[derive(FromQueryResult)]
struct Row {
    total: i64,
    open: i64,
    overdue: i64,
    due_today: i64,
}

impl Counts {
    /// The work on one task, as [`scan`] counts it: each of the four counts compares it.
    pub(super) const WORK: u64 = 4 * scan::COMPARISON;

    /// Of those that pass the filter, in one statement.
    pub(super) async fn read(viewer: &Viewer, filter: Option<&TaskFilter>) -> Result<Self> {
        let here = floating_due::here(viewer).await?;
        let select = super::select_here(&here, filter)?;
        let open = Column::CompletedAt.is_null();
        let is_due_today = here
            .today()
            .map_or_else(|| never().into_condition(), is_due_within);
        let select = select
            .select_only()
            .column_as(Expr::col(Column::Id).count(), "total")
            .column_as(how_many(open.clone().into_condition()), "open")
            .column_as(how_many(is_overdue(here.now)), "overdue")
            .column_as(how_many(is_due_today.add(open)), "due_today");
        let row: Option<Row> = viewer.summary(select).await?;
        let Row {
            total,
            open,
            overdue,
            due_today,
        } = row.unwrap_or(Row {
            total: 0,
            open: 0,
            overdue: 0,
            due_today: 0,
        });
        let shown = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(Self {
            total: shown(total),
            open: shown(open),
            completed: shown(total - open),
            overdue: shown(overdue),
            due_today: shown(due_today),
        })
    }
}

/// Of how many it is true: what is null is not counted.
fn how_many(condition: Condition) -> Expr {
    Expr::expr(Expr::case(condition, 1)).count()
}
