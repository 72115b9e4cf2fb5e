//! Which tasks a list has: conditions on their fields, as the schema writes them, made into one of
//! SQL's.
//!
//! Every condition is true or false of every task, also where it has no such value, so that `not`
//! is the opposite and nothing else.

use std::fmt;

use super::{
    Column, Entity, Priority,
    due::NEVER,
    moment::{Interval, LocalNow, Moment, next},
    scan, title,
};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
    id::TaskId,
    scope::{Filter, Match},
};
use async_graphql::{ID, InputObject};

/// How deep filters may lie within each other.
const MAX_DEPTH: u32 = 5;

/// How many conditions a filter may have, each filter and each value of a list counted.
const MAX_CONDITIONS: u32 = 100;

/// How long a text may be that is looked for, in code points.
const MAX_TEXT: usize = super::MAX_TITLE_LENGTH;

/// Which tasks. All that is said must hold; what is not said does not matter.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct TaskFilter {
    /// Each must hold.
    and: Option<Vec<TaskFilter>>,
    /// One must hold at the least; of an empty list none does.
    or: Option<Vec<TaskFilter>>,
    /// It must not hold.
    not: Option<Box<TaskFilter>>,
    id: Option<IdFilter>,
    /// Whether it is done.
    completed: Option<bool>,
    /// Whether its due date has passed and it is not done.
    overdue: Option<bool>,
    title: Option<StringFilter>,
    priority: Option<PriorityFilter>,
    due: Option<DateFilter>,
    created_at: Option<DateFilter>,
    updated_at: Option<DateFilter>,
    completed_at: Option<DateFilter>,
}

/// What is no task's id is the id of no task.
#[derive(Clone, Debug, Default, InputObject)]
#[graphql(name = "IDFilter")]
pub(crate) struct IdFilter {
    eq: Option<ID>,
    neq: Option<ID>,
    r#in: Option<Vec<ID>>,
    nin: Option<Vec<ID>>,
}

/// Case does not matter, by Unicode's full case folding, and no character stands for others.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct StringFilter {
    eq: Option<String>,
    neq: Option<String>,
    r#in: Option<Vec<String>>,
    nin: Option<Vec<String>>,
    contains: Option<String>,
    starts_with: Option<String>,
    ends_with: Option<String>,
}

/// They order from `NONE` to `URGENT`.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct PriorityFilter {
    eq: Option<Priority>,
    neq: Option<Priority>,
    r#in: Option<Vec<Priority>>,
    nin: Option<Vec<Priority>>,
    gte: Option<Priority>,
    lte: Option<Priority>,
}

/// A day is all of it: `eq` is within it, `lt` before it begins, `lte` before it ends. Of a task that
/// has no such time only `neq` and `null` hold.
#[derive(Clone, Debug, Default, InputObject)]
pub(crate) struct DateFilter {
    eq: Option<Moment>,
    neq: Option<Moment>,
    lt: Option<Moment>,
    lte: Option<Moment>,
    gt: Option<Moment>,
    gte: Option<Moment>,
    /// Whether there is none.
    null: Option<bool>,
}

impl TaskFilter {
    /// Whether it goes by the viewer's days.
    pub(super) fn needs_days(&self) -> bool {
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

    /// The condition that it is, or what is wrong with it.
    pub(super) fn condition(&self, here: &LocalNow) -> Result<Filter<Entity>> {
        FilterBuilder {
            here,
            left: MAX_CONDITIONS,
        }
        .filter(self, MAX_DEPTH)
    }

    /// The work of comparing one task with it, as [`scan`] counts it.
    pub(super) fn work(&self) -> u64 {
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

struct FilterBuilder<'a> {
    here: &'a LocalNow,
    /// How many more conditions there may be.
    left: u32,
}

impl FilterBuilder<'_> {
    fn filter(&mut self, filter: &TaskFilter, depth: u32) -> Result<Filter<Entity>> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(refused(format_args!(
                "A filter may have {MAX_DEPTH} filters within each other. Make it flatter."
            )));
        };
        self.count(1)?;
        let mut all = Vec::new();
        for each in filter.and.iter().flatten() {
            all.push(self.filter(each, depth)?);
        }
        if let Some(some) = &filter.or {
            let some = some.iter().map(|each| self.filter(each, depth));
            all.push(Filter::any(some.collect::<Result<Vec<_>>>()?));
        }
        if let Some(not) = &filter.not {
            all.push(self.filter(not, depth)?.not());
        }
        if let Some(ids) = &filter.id {
            all.push(self.ids(ids)?);
        }
        if let Some(completed) = filter.completed {
            self.count(1)?;
            all.push(negate_unless(
                completed,
                Filter::is_not_null(Column::CompletedAt),
            ));
        }
        if let Some(overdue) = filter.overdue {
            self.count(1)?;
            all.push(negate_unless(overdue, is_overdue(self.here.now)));
        }
        if let Some(title) = &filter.title {
            all.push(self.text(title)?);
        }
        if let Some(priority) = &filter.priority {
            all.push(self.priority(priority)?);
        }
        for (times, of) in [
            (&filter.due, Time::Due),
            (&filter.created_at, Time::Created),
            (&filter.updated_at, Time::Updated),
            (&filter.completed_at, Time::Completed),
        ] {
            if let Some(times) = times {
                all.push(self.times(times, of)?);
            }
        }
        Ok(Filter::all(all))
    }

    /// So many conditions more, at least one for each operator.
    fn count(&mut self, more: usize) -> Result<()> {
        let more = u32::try_from(more.max(1)).unwrap_or(u32::MAX);
        self.left = self.left.checked_sub(more).ok_or_else(|| {
            refused(format_args!(
                "A filter may have {MAX_CONDITIONS} conditions, each filter and each value of a list \
                 counted. Ask for less."
            ))
        })?;
        Ok(())
    }

    fn ids(&mut self, filter: &IdFilter) -> Result<Filter<Entity>> {
        let of = |ids: &[ID]| {
            let ids = ids.iter().filter_map(|id| id.parse::<TaskId>().ok());
            Filter::is_in(Column::Id, ids)
        };
        let mut all = Vec::new();
        for (id, is) in [(&filter.eq, true), (&filter.neq, false)] {
            if let Some(id) = id {
                self.count(1)?;
                all.push(negate_unless(is, of(std::slice::from_ref(id))));
            }
        }
        for (ids, is) in [(&filter.r#in, true), (&filter.nin, false)] {
            if let Some(ids) = ids {
                self.count(ids.len())?;
                all.push(negate_unless(is, of(ids)));
            }
        }
        Ok(Filter::all(all))
    }

    fn text(&mut self, filter: &StringFilter) -> Result<Filter<Entity>> {
        let mut all = Vec::new();
        for (text, is) in [(&filter.eq, true), (&filter.neq, false)] {
            if let Some(text) = text {
                self.count(1)?;
                all.push(negate_unless(
                    is,
                    Filter::eq(Column::TitleFolded, folded(text)?),
                ));
            }
        }
        for (texts, is) in [(&filter.r#in, true), (&filter.nin, false)] {
            if let Some(texts) = texts {
                self.count(texts.len())?;
                let texts: Vec<_> = texts
                    .iter()
                    .map(|text| folded(text))
                    .collect::<Result<_>>()?;
                all.push(negate_unless(is, Filter::is_in(Column::TitleFolded, texts)));
            }
        }
        for (text, position) in [
            (&filter.contains, Match::Anywhere),
            (&filter.starts_with, Match::Start),
            (&filter.ends_with, Match::End),
        ] {
            if let Some(text) = text {
                self.count(1)?;
                all.push(Filter::like(Column::TitleFolded, &folded(text)?, position));
            }
        }
        Ok(Filter::all(all))
    }

    fn priority(&mut self, filter: &PriorityFilter) -> Result<Filter<Entity>> {
        let column = Column::Priority;
        let mut all = Vec::new();
        let compared = [
            filter.eq.map(|priority| Filter::eq(column, priority)),
            filter.neq.map(|priority| Filter::ne(column, priority)),
            filter.gte.map(|priority| Filter::gte(column, priority)),
            filter.lte.map(|priority| Filter::lte(column, priority)),
        ];
        for compared in compared.into_iter().flatten() {
            self.count(1)?;
            all.push(compared);
        }
        for (priorities, is) in [(&filter.r#in, true), (&filter.nin, false)] {
            if let Some(priorities) = priorities {
                self.count(priorities.len())?;
                let some = Filter::is_in(column, priorities.iter().copied());
                all.push(negate_unless(is, some));
            }
        }
        Ok(Filter::all(all))
    }

    fn times(&mut self, filter: &DateFilter, time: Time) -> Result<Filter<Entity>> {
        let mut all = Vec::new();
        if let Some(null) = filter.null {
            self.count(1)?;
            all.push(negate_unless(!null, time.between(None, None)));
        }
        let compared = [
            (filter.eq, Compare::Within),
            (filter.neq, Compare::Outside),
            (filter.lt, Compare::Before),
            (filter.lte, Compare::UpTo),
            (filter.gt, Compare::After),
            (filter.gte, Compare::From),
        ];
        for (moment, compare) in compared {
            if let Some(moment) = moment {
                self.count(1)?;
                let interval = moment.interval(self.here).ok_or_else(|| {
                    refused(format_args!(
                        "A duration from now must end in the years 1 to 9998."
                    ))
                })?;
                all.push(time.compare(compare, interval));
            }
        }
        Ok(Filter::all(all))
    }
}

/// A time of a task's.
#[derive(Clone, Copy)]
enum Time {
    Due,
    Created,
    Updated,
    Completed,
}

/// Where a time lies of a day, or of a moment.
#[derive(Clone, Copy)]
enum Compare {
    Within,
    /// Or there is none.
    Outside,
    Before,
    UpTo,
    After,
    From,
}

impl Time {
    fn compare(self, compare: Compare, interval: Interval) -> Filter<Entity> {
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
    fn between(self, first: Option<Timestamp>, last: Option<Timestamp>) -> Filter<Entity> {
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
pub(super) fn is_overdue(now: Timestamp) -> Filter<Entity> {
    Filter::is_null(Column::CompletedAt).and(Filter::lt(Column::DueSort, now))
}

/// That the task is due within this time.
pub(super) fn is_due_within(interval: Interval) -> Filter<Entity> {
    Time::Due.compare(Compare::Within, interval)
}

fn negate_unless(is: bool, filter: Filter<Entity>) -> Filter<Entity> {
    if is { filter } else { filter.not() }
}

/// A text as titles are compared.
fn folded(text: &str) -> Result<String> {
    if text.chars().count() > MAX_TEXT {
        return Err(refused(format_args!(
            "Look for a text of at most {MAX_TEXT} characters."
        )));
    }
    if text.contains('\0') {
        return Err(refused(format_args!(
            "No title contains the character U+0000. Leave it out."
        )));
    }
    Ok(title::fold(text))
}

fn refused(message: fmt::Arguments<'_>) -> Error {
    Error::BadUserInput(message.to_string())
}
