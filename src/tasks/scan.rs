//! The cost of queries that no index serves: the rows that the database examines, times the work on each.

use async_graphql::Context;

use crate::{
    error::{Error, Result},
    identity::{self, MAX_COST_PER_MINUTE},
    scope::Viewer,
};

/// The unit of work: the comparison of one number or short text.
pub(super) const COMPARISON: u64 = 1;
/// The work of counting a task.
pub(super) const COUNT: u64 = 2;
/// The work of matching a title against a pattern.
pub(super) const PATTERN: u64 = 10;
/// The work of reading a task that may not match.
pub(super) const READ: u64 = 20;
/// The work of reading and sorting, per row.
pub(super) const SORT: u64 = 25;

/// The work of rescheduling a task for another time zone: it is read, written and indexed again.
const MOVE: u64 = 150;

/// The number of comparisons that cost one point.
const COMPARISONS_PER_POINT: u64 = 1_000;

/// Charges the viewer for `work` on each of their tasks.
///
/// # Errors
/// [`Error::RateLimited`] if the viewer's points of this minute are spent, and [`Error::BadUserInput`] if
/// the work costs more than the points of one minute.
pub(super) async fn charge(ctx: &Context<'_>, viewer: &Viewer, work: u64) -> Result<()> {
    if work == 0 {
        return Ok(());
    }
    let tasks = u64::try_from(viewer.task_count().await?).unwrap_or(0);
    let points = tasks.saturating_mul(work) / COMPARISONS_PER_POINT;
    if points > MAX_COST_PER_MINUTE {
        return Err(Error::BadUserInput(format!(
            "This would cost {points} points, because each of {tasks} tasks is compared {work} times; at most \
             {MAX_COST_PER_MINUTE} points can be spent per minute. Use fewer conditions on text, or order \
             by POSITION or CREATED_AT."
        )));
    }
    identity::charge(ctx, points)
}

/// Charges the viewer for rescheduling all their tasks, at most the points of one minute.
///
/// # Errors
/// [`Error::RateLimited`] if the viewer's points of this minute are spent.
pub(super) async fn charge_move(ctx: &Context<'_>, viewer: &Viewer) -> Result<()> {
    let tasks = u64::try_from(viewer.task_count().await?).unwrap_or(0);
    let points = tasks.saturating_mul(MOVE) / COMPARISONS_PER_POINT;
    identity::charge(ctx, points.min(MAX_COST_PER_MINUTE))
}
