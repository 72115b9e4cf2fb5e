//! Converts a filter to a condition of a query.
//!
//! Every condition is true or false for every task, also for a task without the value, so `not` is
//! exactly its opposite.

use std::fmt;

use async_graphql::ID;

use super::{
    super::{Column, Entity, MAX_TITLE_CHARS, moment::LocalNow, title},
    input::{DateFilter, IdFilter, PriorityFilter, StringFilter, TaskFilter},
    times::{Compare, Time, is_overdue},
};
use crate::{
    error::{Error, Result},
    id::TaskId,
    scope::{Filter, Match},
};

/// The maximum number of levels of nested filters, the outermost included.
const MAX_DEPTH: u32 = 5;

/// The maximum number of conditions of a filter. Each nested filter and each value of a list counts.
const MAX_CONDITIONS: u32 = 100;

/// The maximum length of a text in a filter, in code points.
const MAX_TEXT: usize = MAX_TITLE_CHARS;

impl TaskFilter {
    /// Returns the filter's condition at this time in this time zone.
    ///
    /// # Errors
    /// Fails if the filter is too large, or a value is invalid.
    pub(in crate::tasks) fn condition(&self, now: &LocalNow) -> Result<Filter<Entity>> {
        FilterBuilder {
            now,
            left: MAX_CONDITIONS,
        }
        .filter(self, MAX_DEPTH)
    }
}

struct FilterBuilder<'a> {
    now: &'a LocalNow,
    /// The number of further conditions that are allowed.
    left: u32,
}

impl FilterBuilder<'_> {
    fn filter(&mut self, filter: &TaskFilter, depth: u32) -> Result<Filter<Entity>> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(refused(format_args!(
                "Filters can be nested at most {MAX_DEPTH} levels deep. Use fewer levels."
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
            all.push(negate_unless(overdue, is_overdue(self.now.now)));
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

    /// Counts conditions, at least one for each operator.
    fn count(&mut self, more: usize) -> Result<()> {
        let more = u32::try_from(more.max(1)).unwrap_or(u32::MAX);
        self.left = self.left.checked_sub(more).ok_or_else(|| {
            refused(format_args!(
                "A filter can have at most {MAX_CONDITIONS} conditions; each nested filter and each value \
                 of a list counts. Use fewer."
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
                let interval = moment.interval(self.now).ok_or_else(|| {
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

fn negate_unless(is: bool, filter: Filter<Entity>) -> Filter<Entity> {
    if is { filter } else { filter.not() }
}

/// Returns the text with its case folded, as titles are compared.
fn folded(text: &str) -> Result<String> {
    if text.chars().count() > MAX_TEXT {
        return Err(refused(format_args!(
            "A text in a filter can have at most {MAX_TEXT} characters."
        )));
    }
    if text.contains('\0') {
        return Err(refused(format_args!(
            "A text in a filter cannot contain the character U+0000."
        )));
    }
    Ok(title::fold(text))
}

fn refused(message: fmt::Arguments<'_>) -> Error {
    Error::BadUserInput(message.to_string())
}
