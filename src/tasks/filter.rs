//! Which tasks a list has: conditions on their fields, as the schema writes them, made into one of
//! SQL's.
//!
//! Every condition is true or false of every task, also where it has no such value, so that `not`
//! is the opposite and nothing else.

use std::fmt;

use async_graphql::{ID, InputObject};
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Expr, ExprTrait, IntoCondition, LikeExpr},
};

use super::{
    Column, Priority,
    due::NEVER,
    moment::{Here, Interval, Moment, next},
    scan, title,
};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
    id::TaskId,
};

/// How deep filters may lie within each other.
const MAX_DEPTH: u32 = 5;

/// How many conditions a filter may have, each filter and each value of a list counted.
const MAX_CONDITIONS: u32 = 100;

/// What takes from a character of a pattern what it would stand for.
const ESCAPE: char = '\\';

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
    pub(super) fn condition(&self, here: &Here) -> Result<Condition> {
        Compiler {
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

struct Compiler<'a> {
    here: &'a Here,
    /// How many more conditions there may be.
    left: u32,
}

impl Compiler<'_> {
    fn filter(&mut self, filter: &TaskFilter, depth: u32) -> Result<Condition> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(refused(format_args!(
                "A filter may have {MAX_DEPTH} filters within each other. Make it flatter."
            )));
        };
        self.count(1)?;
        let mut all = Condition::all();
        for each in filter.and.iter().flatten() {
            all = all.add(self.filter(each, depth)?);
        }
        if let Some(some) = &filter.or {
            let mut any = Condition::any();
            for each in some {
                any = any.add(self.filter(each, depth)?);
            }
            all = all.add(if some.is_empty() {
                any.add(never())
            } else {
                any
            });
        }
        if let Some(not) = &filter.not {
            all = all.add(self.filter(not, depth)?.not());
        }
        if let Some(ids) = &filter.id {
            all = all.add(self.ids(ids)?);
        }
        if let Some(completed) = filter.completed {
            self.count(1)?;
            let is_completed = Column::CompletedAt.is_not_null();
            all = all.add(same(is_completed.into_condition(), completed));
        }
        if let Some(overdue) = filter.overdue {
            self.count(1)?;
            all = all.add(same(is_overdue(self.here.now), overdue));
        }
        if let Some(title) = &filter.title {
            all = all.add(self.text(title)?);
        }
        if let Some(priority) = &filter.priority {
            all = all.add(self.priority(priority)?);
        }
        for (times, of) in [
            (&filter.due, Time::Due),
            (&filter.created_at, Time::Created),
            (&filter.updated_at, Time::Updated),
            (&filter.completed_at, Time::Completed),
        ] {
            if let Some(times) = times {
                all = all.add(self.times(times, of)?);
            }
        }
        // What says nothing is true, and not nothing: it may be one of several, or denied.
        Ok(if all.is_empty() {
            all.add(always())
        } else {
            all
        })
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

    fn ids(&mut self, filter: &IdFilter) -> Result<Condition> {
        let of =
            |ids: &[ID]| Column::Id.is_in(ids.iter().filter_map(|id| id.parse::<TaskId>().ok()));
        let mut all = Condition::all();
        for (id, is) in [(&filter.eq, true), (&filter.neq, false)] {
            if let Some(id) = id {
                self.count(1)?;
                let one = of(std::slice::from_ref(id));
                all = all.add(same(one.into_condition(), is));
            }
        }
        for (ids, is) in [(&filter.r#in, true), (&filter.nin, false)] {
            if let Some(ids) = ids {
                self.count(ids.len())?;
                all = all.add(same(of(ids).into_condition(), is));
            }
        }
        Ok(all)
    }

    fn text(&mut self, filter: &StringFilter) -> Result<Condition> {
        let mut all = Condition::all();
        for (text, is) in [(&filter.eq, true), (&filter.neq, false)] {
            if let Some(text) = text {
                self.count(1)?;
                let one = Column::TitleKey.eq(folded(text)?);
                all = all.add(same(one.into_condition(), is));
            }
        }
        for (texts, is) in [(&filter.r#in, true), (&filter.nin, false)] {
            if let Some(texts) = texts {
                self.count(texts.len())?;
                let texts: Vec<_> = texts
                    .iter()
                    .map(|text| folded(text))
                    .collect::<Result<_>>()?;
                let some = Column::TitleKey.is_in(texts);
                all = all.add(same(some.into_condition(), is));
            }
        }
        for (text, before, after) in [
            (&filter.contains, "%", "%"),
            (&filter.starts_with, "", "%"),
            (&filter.ends_with, "%", ""),
        ] {
            if let Some(text) = text {
                self.count(1)?;
                let text = literal(&folded(text)?);
                let pattern = LikeExpr::new(format!("{before}{text}{after}")).escape(ESCAPE);
                all = all.add(Expr::col(Column::TitleKey).like(pattern));
            }
        }
        Ok(all)
    }

    fn priority(&mut self, filter: &PriorityFilter) -> Result<Condition> {
        let column = Column::Priority;
        let mut all = Condition::all();
        let compared = [
            filter.eq.map(|priority| column.eq(priority)),
            filter.neq.map(|priority| column.ne(priority)),
            filter.gte.map(|priority| column.gte(priority)),
            filter.lte.map(|priority| column.lte(priority)),
        ];
        for compared in compared.into_iter().flatten() {
            self.count(1)?;
            all = all.add(compared);
        }
        for (priorities, is) in [(&filter.r#in, true), (&filter.nin, false)] {
            if let Some(priorities) = priorities {
                self.count(priorities.len())?;
                let some = column.is_in(priorities.iter().copied());
                all = all.add(same(some.into_condition(), is));
            }
        }
        Ok(all)
    }

    fn times(&mut self, filter: &DateFilter, time: Time) -> Result<Condition> {
        let mut all = Condition::all();
        if let Some(null) = filter.null {
            self.count(1)?;
            all = all.add(same(time.between(None, None), !null));
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
                all = all.add(time.compare(compare, interval));
            }
        }
        Ok(all)
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
    fn compare(self, compare: Compare, interval: Interval) -> Condition {
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
    fn between(self, first: Option<Timestamp>, last: Option<Timestamp>) -> Condition {
        let column = match self {
            // The id says when, and it is what the table is ordered by.
            Self::Created => {
                let from = first.map(|first| Column::Id.gte(TaskId::earliest(first)));
                let to = last.map(|last| Column::Id.lt(TaskId::earliest(next(last))));
                return Condition::all()
                    .add_option(from)
                    .add_option(to)
                    .add(always());
            }
            Self::Due => Column::DueKey,
            Self::Updated => Column::UpdatedAt,
            Self::Completed => Column::CompletedAt,
        };
        let exists = match self {
            Self::Due => Some(column.lt(NEVER)),
            Self::Completed => Some(column.is_not_null()),
            Self::Created | Self::Updated => Some(always()),
        };
        Condition::all()
            .add_option(exists)
            .add_option(first.map(|first| column.gte(first)))
            .add_option(last.map(|last| column.lte(last)))
    }
}

/// That the task is not done though its due date has passed.
pub(super) fn is_overdue(now: Timestamp) -> Condition {
    Condition::all()
        .add(Column::CompletedAt.is_null())
        .add(Column::DueKey.lt(now))
}

/// That the task is due within this time.
pub(super) fn is_due_within(interval: Interval) -> Condition {
    Time::Due.compare(Compare::Within, interval)
}

fn same(condition: Condition, is: bool) -> Condition {
    if is { condition } else { condition.not() }
}

fn always() -> Expr {
    Expr::val(1).eq(1)
}

pub(super) fn never() -> Expr {
    Expr::val(1).eq(0)
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

/// A text that stands for itself within a pattern.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            literal.push(ESCAPE);
        }
        literal.push(character);
    }
    literal
}

fn refused(message: fmt::Arguments<'_>) -> Error {
    Error::BadUserInput(message.to_string())
}
