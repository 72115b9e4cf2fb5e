//! The price of work that no index saves: the rows that the database examines, times the work on each.

use async_graphql::Context;

use crate::{
    error::{Error, Result},
    identity::{self, MAX_COST_PER_MINUTE},
    scope::Viewer,
};

/// Work on one row, in comparisons of a number or a short text.
pub(super) const COMPARISON: u64 = 1;
/// Looking for a pattern in a title.
pub(super) const PATTERN: u64 = 10;
/// Taking part in a sort.
pub(super) const SORT: u64 = 10;

/// Following another time zone: the task is read, written and indexed anew.
const MOVE: u64 = 150;

/// Comparisons for one point.
const COMPARISONS_PER_POINT: u64 = 1_000;

/// Charges the viewer for so much work on each of their tasks.
///
/// # Errors
/// [`Error::RateLimited`] when they have spent their points, and [`Error::BadUserInput`] when it is more
/// than a minute's.
pub(super) async fn charge(ctx: &Context<'_>, viewer: &Viewer, work: u64) -> Result<()> {
    if work == 0 {
        return Ok(());
    }
    let tasks = u64::try_from(viewer.task_count().await?).unwrap_or(0);
    let points = tasks.saturating_mul(work) / COMPARISONS_PER_POINT;
    if points > MAX_COST_PER_MINUTE {
        return Err(Error::BadUserInput(format!(
            "This would cost {points} points, since every one of {tasks} tasks is compared {work} times, and \
             {MAX_COST_PER_MINUTE} can be spent in a minute. Use fewer conditions on text, or an order that \
             has an index."
        )));
    }
    identity::charge(ctx, points)
}

/// Charges the viewer for moving all their tasks to another time zone, at most a minute's points.
///
/// # Errors
/// [`Error::RateLimited`] when they have spent their points.
pub(super) async fn charge_move(ctx: &Context<'_>, viewer: &Viewer) -> Result<()> {
    let tasks = u64::try_from(viewer.task_count().await?).unwrap_or(0);
    let points = tasks.saturating_mul(MOVE) / COMPARISONS_PER_POINT;
    identity::charge(ctx, points.min(MAX_COST_PER_MINUTE))
}
