//! The filter inputs of the schema, and the work of comparing a task with a filter.

use async_graphql::{ID, InputObject};

use super::super::{Priority, moment::DateOrDuration, scan};

/// Conditions on tasks. A task matches if it fulfils all given conditions; an omitted or null condition
/// has no effect. At most 100 conditions in 5 levels are accepted, where each nested filter and each
/// value of a list counts; more fail with `BAD_USER_INPUT`.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct TaskFilter {
    /// True for tasks that match every one of these filters. An empty list matches all tasks.
    pub(super) and: Option<Vec<TaskFilter>>,
    /// True for tasks that match at least one of these filters. An empty list matches no task.
    pub(super) or: Option<Vec<TaskFilter>>,
    /// True for tasks that do not match this filter.
    pub(super) not: Option<Box<TaskFilter>>,
    /// Conditions on the id.
    pub(super) id: Option<IdFilter>,
    /// True matches completed tasks, false matches open tasks.
    pub(super) completed: Option<bool>,
    /// True matches open tasks whose due date has passed, false matches all other tasks.
    pub(super) overdue: Option<bool>,
    /// Conditions on the title. Case is ignored.
    pub(super) title: Option<StringFilter>,
    /// Conditions on the priority.
    pub(super) priority: Option<PriorityFilter>,
    /// Conditions on the instant at which the task is due, `due.at`.
    pub(super) due: Option<DateFilter>,
    /// Conditions on the time of creation.
    pub(super) created_at: Option<DateFilter>,
    /// Conditions on the time of the last change.
    pub(super) updated_at: Option<DateFilter>,
    /// Conditions on the time of completion. Open tasks have none.
    pub(super) completed_at: Option<DateFilter>,
}

/// Conditions on an id, which must all be fulfilled. An invalid or unknown id equals no task's id, and is
/// not an error.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "IDFilter")]
pub(crate) struct IdFilter {
    /// Equal to this id.
    pub(super) eq: Option<ID>,
    /// Not equal to this id.
    pub(super) neq: Option<ID>,
    /// Equal to one of these ids. An empty list matches no task.
    pub(super) r#in: Option<Vec<ID>>,
    /// Not equal to any of these ids. An empty list matches all tasks.
    pub(super) nin: Option<Vec<ID>>,
}

/// Conditions on a text, which must all be fulfilled. Case is ignored (Unicode full case folding), and
/// there are no wildcards. A text has at most 500 code points; a longer one fails with
/// `BAD_USER_INPUT`.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct StringFilter {
    /// Equal to this text.
    pub(super) eq: Option<String>,
    /// Not equal to this text.
    pub(super) neq: Option<String>,
    /// Equal to one of these texts. An empty list matches no task.
    pub(super) r#in: Option<Vec<String>>,
    /// Not equal to any of these texts. An empty list matches all tasks.
    pub(super) nin: Option<Vec<String>>,
    /// This text occurs anywhere: `milk` matches `Buy milk today`.
    pub(super) contains: Option<String>,
    /// This text is the beginning: `buy` matches `Buy milk`.
    pub(super) starts_with: Option<String>,
    /// This text is the end: `milk` matches `Buy milk`.
    pub(super) ends_with: Option<String>,
}

/// Conditions on a priority, which must all be fulfilled. Priorities are ordered from `NONE`, the lowest,
/// to `URGENT`, the highest.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct PriorityFilter {
    /// Equal to this priority.
    pub(super) eq: Option<Priority>,
    /// Not equal to this priority.
    pub(super) neq: Option<Priority>,
    /// Equal to one of these priorities. An empty list matches no task.
    pub(super) r#in: Option<Vec<Priority>>,
    /// Not equal to any of these priorities. An empty list matches all tasks.
    pub(super) nin: Option<Vec<Priority>>,
    /// This priority or a higher one.
    pub(super) gte: Option<Priority>,
    /// This priority or a lower one.
    pub(super) lte: Option<Priority>,
}

/// Conditions on a time, which must all be fulfilled. A day, such as `2026-11-21` or `P0D`, is the whole
/// day in the viewer's time zone. A task without such a time matches only `neq` and `null: true`.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct DateFilter {
    /// On this day, or exactly at this instant.
    pub(super) eq: Option<DateOrDuration>,
    /// Not on this day, or not at this instant. Tasks without such a time match too.
    pub(super) neq: Option<DateOrDuration>,
    /// Before this day, or before this instant.
    pub(super) lt: Option<DateOrDuration>,
    /// On or before this day, or at or before this instant.
    pub(super) lte: Option<DateOrDuration>,
    /// After this day, or after this instant.
    pub(super) gt: Option<DateOrDuration>,
    /// On or after this day, or at or after this instant.
    pub(super) gte: Option<DateOrDuration>,
    /// True matches tasks without such a time, false matches tasks with one.
    pub(super) null: Option<bool>,
}

impl TaskFilter {
    /// True if the filter can depend on the days of the viewer's time zone.
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

    /// Returns the work of reading one task and comparing it with the filter, as [`scan`] counts it.
    pub(in crate::tasks) fn work(&self) -> u64 {
        match self.comparisons() {
            0 => 0,
            comparisons => scan::READ + comparisons,
        }
    }

    fn comparisons(&self) -> u64 {
        let lists = self.and.iter().chain(&self.or).flatten();
        let lists = lists.chain(self.not.as_deref());
        let inner: u64 = lists.map(Self::comparisons).sum();
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

/// Returns the number of operators that are given.
fn given<T, const N: usize>(operators: [&Option<T>; N]) -> u64 {
    operators.into_iter().flatten().count() as u64
}

/// Returns the number of values in the operators' lists.
fn listed<T, const N: usize>(operators: [&Option<Vec<T>>; N]) -> u64 {
    operators
        .into_iter()
        .flatten()
        .map(|values| values.len() as u64)
        .sum()
}
