//! The properties of a `VTODO`, and the task that they are.

use std::collections::HashMap;

use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarEntry, ICalendarParameterName as Parameter,
    ICalendarParameterValue, ICalendarProperty as Property, ICalendarStatus as Status,
    ICalendarValue as Value, ICalendarValueType,
};
use jiff::{Span, fmt::temporal::SpanParser};

use super::{
    POSITION,
    line::{Line, WrittenDate},
    when::When,
    zones::Zones,
};
use crate::{
    clock::Timestamp, id::TaskId, identity::TimeZone, import_export::task_record::TaskRecord,
    tasks::Priority,
};

/// What a task is called that has no summary.
const UNTITLED: &str = "Untitled";

/// What is told of lines that are neither a property nor, by a blank before them, a part of the one before.
const STRAY: &str = "lines without a property";

/// A `VTODO`.
pub(super) struct Todo<'a> {
    component: ICalendarComponent,
    /// What stands after the names of its properties that are not empty.
    written: HashMap<String, &'a str>,
    /// What there is no place for.
    pub(super) ignored: Vec<String>,
}

/// What the meaning of dates depends on.
pub(super) struct Circumstances<'a> {
    pub(super) now: Timestamp,
    /// Where the person's days begin and end.
    pub(super) home: &'a TimeZone,
    pub(super) zones: Zones,
}

impl<'a> Todo<'a> {
    /// A component whose lines are whole.
    pub(super) fn parse(block: &'a str) -> Result<Self, String> {
        let mut properties = String::with_capacity(block.len());
        let (mut written, mut ignored) = (HashMap::new(), Vec::new());
        let (mut depth, mut goes_on) = (0_u32, false);
        for line in block.lines() {
            let property = Line::parse(line);
            match &property {
                None if !goes_on && !line.trim().is_empty() => {
                    ignored.push(STRAY.to_owned());
                    continue;
                }
                Some(Line { name, .. }) if name.eq_ignore_ascii_case("BEGIN") => depth += 1,
                Some(Line { name, .. }) if name.eq_ignore_ascii_case("END") => {
                    depth = depth.saturating_sub(1);
                }
                Some(Line { name, value }) if depth == 1 && !value.trim().is_empty() => {
                    written.insert(name.to_ascii_uppercase(), value.trim());
                }
                _ => {}
            }
            goes_on = line.ends_with('=') && (goes_on || is_quoted_printable(line));
            properties.push_str(line);
            properties.push_str("\r\n");
        }
        let calendar = ICalendar::parse(&properties);
        let mut components = calendar.map_or(Vec::new(), |it| it.components).into_iter();
        let component = components
            .next()
            .ok_or("It is no component of a calendar.")?;
        ignored.extend(components.map(|part| part.component_type.as_str().to_owned()));
        Ok(Self {
            component,
            written,
            ignored,
        })
    }

    /// The task. It notes which of its properties there is no place for.
    pub(super) fn task(&mut self, circumstances: &Circumstances<'_>) -> Result<TaskRecord, String> {
        let Circumstances { now, home, zones } = circumstances;
        let mut task = TaskRecord::default();
        let (mut due, mut start, mut duration) = (None, None, None);
        let (mut uid, mut instance) = (None, None);
        let (mut is_done, mut is_open) = (false, false);
        for entry in &self.component.entries {
            let name = entry.name.as_str();
            let (Some(value), Some(written)) = (
                entry.values.first(),
                self.written.get(&name.to_ascii_uppercase()),
            ) else {
                continue;
            };
            let text = || value.as_text().map(str::to_owned);
            let about = |wrong: String| format!("{name}: {wrong}");
            let date = || when(entry, written).map_err(about);
            let moment = |date: When<'_>| {
                let moment = date.moment(zones, home).map_err(about);
                moment.map(|at| Some(at.to_string()))
            };
            let mut is_left_out = false;
            match &entry.name {
                Property::Uid => uid = text(),
                Property::Summary => task.title = text(),
                Property::Description => task.description = text(),
                Property::Created => task.created_at = moment(date()?)?,
                Property::LastModified => task.updated_at = moment(date()?)?,
                Property::Completed => {
                    task.completed_at = match date()? {
                        When::Day(day) => Some(day.to_string()),
                        date => moment(date)?,
                    };
                }
                Property::PercentComplete => match value.as_integer() {
                    Some(percent) => is_done |= percent == 100,
                    None => is_left_out = true,
                },
                Property::Status => match value {
                    Value::Status(Status::Completed | Status::Cancelled) => is_done = true,
                    Value::Status(Status::NeedsAction | Status::InProcess) => is_open = true,
                    _ => is_left_out = true,
                },
                Property::Priority => match value.as_integer() {
                    Some(number) => task.priority = Some(priority(number)),
                    None => is_left_out = true,
                },
                Property::Due => due = Some(date()?.due(zones).map_err(about)?),
                Property::Dtstart => {
                    start = Some(date()?);
                    is_left_out = true;
                }
                Property::Duration => duration = Some(span(written).map_err(about)?),
                Property::RecurrenceId => {
                    instance = Some(*written);
                    is_left_out = true;
                }
                Property::Other(name) if name.eq_ignore_ascii_case(POSITION) => {
                    task.position = text();
                }
                // When it was written down.
                Property::Dtstamp => {
                    date()?;
                }
                // How often it changed.
                Property::Sequence => {}
                _ => is_left_out = true,
            }
            if is_left_out {
                self.ignored.push(name.to_owned());
            }
        }
        task.due = match (due, start, duration) {
            (None, Some(start), Some(duration)) => {
                let due = start.after(duration, zones).and_then(|due| due.due(zones));
                Some(due.map_err(|wrong| format!("DTSTART: {wrong}"))?)
            }
            (due, _, duration) => {
                let is_lost = duration.is_some();
                self.ignored.extend(is_lost.then(|| "DURATION".to_owned()));
                due
            }
        };
        if task.title.as_deref().is_none_or(|it| it.trim().is_empty()) {
            task.title = Some(UNTITLED.to_owned());
        }
        if is_open {
            // It was done once: some programs leave the moment.
            task.completed_at = None;
        } else if is_done {
            task.completed = Some(true);
        }
        identify(&mut task, uid.as_deref(), instance, *now);
        Ok(task)
    }
}

/// Gives a task its id: what is ours is the id, and what is not stands for one, the same whenever it is read.
fn identify(task: &mut TaskRecord, uid: Option<&str>, instance: Option<&str>, now: Timestamp) {
    let created_at = task.created_at.take().and_then(|at| at.parse().ok());
    let created_at = created_at.filter(|at: &Timestamp| at.as_millis() >= 0 && *at <= now);
    task.id = match (uid, instance, created_at) {
        (Some(uid), None, _) if uid.parse::<TaskId>().is_ok() => Some(uid.to_owned()),
        (Some(uid), instance, Some(created_at)) => {
            let instance = instance.unwrap_or_default();
            Some(TaskId::of_name(created_at, &format!("{uid} {instance}")).to_string())
        }
        (.., created_at) => {
            task.created_at = created_at.map(|at| at.to_string());
            None
        }
    };
}

/// Whether a line may go on in the next one as vCalendar 1.0 has it.
fn is_quoted_printable(line: &str) -> bool {
    line.to_ascii_uppercase().contains("QUOTED-PRINTABLE")
}

fn when<'a>(entry: &'a ICalendarEntry, written: &str) -> Result<When<'a>, String> {
    let is_date = ICalendarParameterValue::Value(ICalendarValueType::Date);
    let is_day = entry.parameters(&Parameter::Value).any(|it| *it == is_date);
    let date = WrittenDate::parse(written)
        .ok_or("Write a date or a date-time of iCalendar, such as 20261121 or 20261121T093000Z.")?;
    Ok(When::new(date, is_day, entry.tz_id()))
}

/// A duration (section 3.3.6) that does not go back.
fn span(written: &str) -> Result<Span, String> {
    let span = SpanParser::new().parse_span(written).ok();
    let span = span.filter(|span| span.get_years() == 0 && span.get_months() == 0);
    let span = span.ok_or("Write a duration of iCalendar, such as PT2H, P1D or P2W.")?;
    if span.is_negative() {
        return Err("It is negative, and a task is not due before it starts.".to_owned());
    }
    Ok(span)
}

/// As section 3.8.1.9 has it: 1 to 4 are high, 5 is medium, 6 to 9 are low.
fn priority(number: i64) -> Priority {
    match number {
        1 => Priority::Urgent,
        2..=4 => Priority::High,
        5 => Priority::Medium,
        6..=9 => Priority::Low,
        _ => Priority::None,
    }
}
