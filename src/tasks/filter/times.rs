//! Builds the conditions on the times of a task.

use super::super::{
    Column, Entity,
    due::NO_DUE_TIME,
    moment::{Interval, next},
};
use crate::{clock::Timestamp, id::TaskId, scope::Filter};

/// A time of a task that a filter compares.
#[derive(Clone, Copy)]
pub(super) enum Time {
    Due,
    Created,
    Updated,
    Completed,
}

/// A relation of a time to an interval, which is a day or one instant.
#[derive(Clone, Copy)]
pub(super) enum Compare {
    Within,
    /// Before or after the interval, or absent.
    Outside,
    Before,
    UpTo,
    After,
    From,
}

impl Time {
    pub(super) fn compare(self, compare: Compare, interval: Interval) -> Filter<Entity> {
        let Interval { first, last } = interval;
        match compare {
            Compare::Within => self.between(Some(first), Some(last)),
            Compare::Outside => self.between(Some(first), Some(last)).not(),
            Compare::Before => self.between(None, Some(interval.before())),
            Compare::UpTo => self.between(None, Some(last)),
            Compare::After => self.between(Some(interval.after()), None),
            Compare::From => self.between(Some(first), None),
        }
    }

    /// Returns the condition that the task has the time, and that it is from `first` to `last`, both
    /// included.
    pub(super) fn between(
        self,
        first: Option<Timestamp>,
        last: Option<Timestamp>,
    ) -> Filter<Entity> {
        let column = match self {
            // The id begins with the creation time, and the primary key serves the comparison.
            Self::Created => {
                let from = first.map(|first| Filter::gte(Column::Id, TaskId::min_at(first)));
                let to = last.map(|last| Filter::lt(Column::Id, TaskId::min_at(next(last))));
                return Filter::all(from.into_iter().chain(to));
            }
            Self::Due => Column::DueSort,
            Self::Updated => Column::UpdatedAt,
            Self::Completed => Column::CompletedAt,
        };
        let exists = match self {
            Self::Due => Some(Filter::lt(column, NO_DUE_TIME)),
            Self::Completed => Some(Filter::is_not_null(column)),
            Self::Created | Self::Updated => None,
        };
        let first = first.map(|first| Filter::gte(column, first));
        let last = last.map(|last| Filter::lte(column, last));
        Filter::all([exists, first, last].into_iter().flatten())
    }
}

/// Returns the condition that the task is open and its due date has passed.
pub(in crate::tasks) fn is_overdue(now: Timestamp) -> Filter<Entity> {
    Filter::is_null(Column::CompletedAt).and(Filter::lt(Column::DueSort, now))
}

/// Returns the condition that the task is due within this interval.
pub(in crate::tasks) fn is_due_within(interval: Interval) -> Filter<Entity> {
    Time::Due.compare(Compare::Within, interval)
}
