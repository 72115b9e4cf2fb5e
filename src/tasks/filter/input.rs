//! Filters of tasks as the schema writes them, and the work of comparing a task with one.

use async_graphql::{ID, InputObject};

use super::super::{Priority, moment::DateOrDuration, scan};

/// Which tasks. All that is said must hold; what is not said does not matter.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct TaskFilter {
    /// Each must hold.
    pub(super) and: Option<Vec<TaskFilter>>,
    /// One must hold at the least; of an empty list none does.
    pub(super) or: Option<Vec<TaskFilter>>,
    /// It must not hold.
    pub(super) not: Option<Box<TaskFilter>>,
    pub(super) id: Option<IdFilter>,
    /// Whether it is done.
    pub(super) completed: Option<bool>,
    /// Whether its due date has passed and it is not done.
    pub(super) overdue: Option<bool>,
    pub(super) title: Option<StringFilter>,
    pub(super) priority: Option<PriorityFilter>,
    pub(super) due: Option<DateFilter>,
    pub(super) created_at: Option<DateFilter>,
    pub(super) updated_at: Option<DateFilter>,
    pub(super) completed_at: Option<DateFilter>,
}

/// What is no task's id is the id of no task.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "IDFilter")]
pub(crate) struct IdFilter {
    pub(super) eq: Option<ID>,
    pub(super) neq: Option<ID>,
    pub(super) r#in: Option<Vec<ID>>,
    pub(super) nin: Option<Vec<ID>>,
}

/// Case does not matter, by Unicode's full case folding, and no character stands for others.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct StringFilter {
    pub(super) eq: Option<String>,
    pub(super) neq: Option<String>,
    pub(super) r#in: Option<Vec<String>>,
    pub(super) nin: Option<Vec<String>>,
    pub(super) contains: Option<String>,
    pub(super) starts_with: Option<String>,
    pub(super) ends_with: Option<String>,
}

/// They order from `NONE` to `URGENT`.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct PriorityFilter {
    pub(super) eq: Option<Priority>,
    pub(super) neq: Option<Priority>,
    pub(super) r#in: Option<Vec<Priority>>,
    pub(super) nin: Option<Vec<Priority>>,
    pub(super) gte: Option<Priority>,
    pub(super) lte: Option<Priority>,
}

/// A day is all of it: `eq` is within it, `lt` before it begins, `lte` before it ends. Of a task that
/// has no such time only `neq` and `null` hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct DateFilter {
    pub(super) eq: Option<DateOrDuration>,
    pub(super) neq: Option<DateOrDuration>,
    pub(super) lt: Option<DateOrDuration>,
    pub(super) lte: Option<DateOrDuration>,
    pub(super) gt: Option<DateOrDuration>,
    pub(super) gte: Option<DateOrDuration>,
    /// Whether there is none.
    pub(super) null: Option<bool>,
}

impl TaskFilter {
    /// Whether it goes by the viewer's days.
    pub(in crate::tasks) fn needs_days(&self) -> bool {
        let lists = self.and.iter().chain(&self.or).flatten();
        let dates = [
            &self.due,
            &self.created_at,
            &self.updated_at,
            &self.completed_at,
        ];
        dates.into_iter().any(Option::is_some)
            || lists.chain(self.not.as_deref()).any(Self::needs_days)
    }

    /// The work of comparing one task with it, as [`scan`] counts it.
    pub(in crate::tasks) fn work(&self) -> u64 {
        let lists = self.and.iter().chain(&self.or).flatten();
        let inner: u64 = lists.chain(self.not.as_deref()).map(Self::work).sum();
        let flags = given([&self.completed, &self.overdue]);
        let dates = [
            &self.due,
            &self.created_at,
            &self.updated_at,
            &self.completed_at,
        ];
        let dates: u64 = dates.into_iter().flatten().map(DateFilter::work).sum();
        let ids = self.id.as_ref().map_or(0, IdFilter::work);
        let text = self.title.as_ref().map_or(0, StringFilter::work);
        let priority = self.priority.as_ref().map_or(0, PriorityFilter::work);
        inner + flags * scan::COMPARISON + dates + ids + text + priority
    }
}

impl IdFilter {
    fn work(&self) -> u64 {
        let Self { eq, neq, r#in, nin } = self;
        scan::COMPARISON * (given([eq, neq]) + listed([r#in, nin]))
    }
}

impl StringFilter {
    fn work(&self) -> u64 {
        let Self {
            eq,
            neq,
            r#in,
            nin,
            contains,
            starts_with,
            ends_with,
        } = self;
        scan::COMPARISON * (given([eq, neq]) + listed([r#in, nin]))
            + scan::PATTERN * given([contains, starts_with, ends_with])
    }
}

impl PriorityFilter {
    fn work(&self) -> u64 {
        let Self {
            eq,
            neq,
            r#in,
            nin,
            gte,
            lte,
        } = self;
        scan::COMPARISON * (given([eq, neq, gte, lte]) + listed([r#in, nin]))
    }
}

impl DateFilter {
    fn work(&self) -> u64 {
        let Self {
            eq,
            neq,
            lt,
            lte,
            gt,
            gte,
            null,
        } = self;
        scan::COMPARISON * (given([eq, neq, lt, lte, gt, gte]) + given([null]))
    }
}

/// How many of the operators are given.
fn given<T, const N: usize>(operators: [&Option<T>; N]) -> u64 {
    operators.into_iter().flatten().count() as u64
}

/// How many values the operators list.
fn listed<T, const N: usize>(operators: [&Option<Vec<T>>; N]) -> u64 {
    operators
        .into_iter()
        .flatten()
        .map(|values| values.len() as u64)
        .sum()
}
