//! Conditions on the times of a task.

use super::super::{
    Column, Entity,
    due::NEVER,
    moment::{Interval, next},
};
use crate::{clock::Timestamp, id::TaskId, scope::Filter};

/// A time of a task's.
#[derive(Clone, Copy)]
pub(super) enum Time {
    Due,
    Created,
    Updated,
    Completed,
}

/// Where a time lies of a day, or of a moment.
#[derive(Clone, Copy)]
pub(super) enum Compare {
    Within,
    /// Or there is none.
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

    /// That the task has it, and not before the first nor after the last millisecond.
    pub(super) fn between(
        self,
        first: Option<Timestamp>,
        last: Option<Timestamp>,
    ) -> Filter<Entity> {
        let column = match self {
            // The id says when, and it is what the table is ordered by.
            Self::Created => {
                let from = first.map(|first| Filter::gte(Column::Id, TaskId::earliest(first)));
                let to = last.map(|last| Filter::lt(Column::Id, TaskId::earliest(next(last))));
                return Filter::all(from.into_iter().chain(to));
            }
            Self::Due => Column::DueSort,
            Self::Updated => Column::UpdatedAt,
            Self::Completed => Column::CompletedAt,
        };
        let exists = match self {
            Self::Due => Some(Filter::lt(column, NEVER)),
            Self::Completed => Some(Filter::is_not_null(column)),
            Self::Created | Self::Updated => None,
        };
        let first = first.map(|first| Filter::gte(column, first));
        let last = last.map(|last| Filter::lte(column, last));
        Filter::all([exists, first, last].into_iter().flatten())
    }
}

/// That the task is not done though its due date has passed.
pub(in crate::tasks) fn is_overdue(now: Timestamp) -> Filter<Entity> {
    Filter::is_null(Column::CompletedAt).and(Filter::lt(Column::DueSort, now))
}

/// That the task is due within this time.
pub(in crate::tasks) fn is_due_within(interval: Interval) -> Filter<Entity> {
    Time::Due.compare(Compare::Within, interval)
}
