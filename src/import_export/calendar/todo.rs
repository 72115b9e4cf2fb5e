//! Converts the properties of a `VTODO` to a task.

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

/// The title of a task without a summary.
const UNTITLED: &str = "Untitled";

/// The name under which lines are reported that are neither a property nor, by a leading blank, the
/// continuation of one.
const UNATTACHED_LINES: &str = "lines without a property";

/// A `VTODO`.
pub(super) struct Todo<'a> {
    component: ICalendarComponent,
    /// The unparsed values of its properties that are not empty, by their names in upper case.
    written: HashMap<String, &'a str>,
    /// The properties and components that tasks do not have.
    pub(super) ignored: Vec<String>,
}

/// The context in which dates are interpreted.
pub(super) struct TodoContext<'a> {
    pub(super) now: Timestamp,
    /// The user's time zone.
    pub(super) time_zone: &'a TimeZone,
    pub(super) zones: Zones,
}

impl<'a> Todo<'a> {
    /// Parses a component with unfolded lines.
    pub(super) fn parse(block: &'a str) -> Result<Self, String> {
        let mut properties = String::with_capacity(block.len());
        let (mut written, mut ignored) = (HashMap::new(), Vec::new());
        let (mut depth, mut goes_on) = (0_u32, false);
        for line in block.lines() {
            let property = Line::parse(line);
            match &property {
                None if !goes_on && !line.trim().is_empty() => {
                    ignored.push(UNATTACHED_LINES.to_owned());
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
            .ok_or("It is not a valid component of a calendar.")?;
        ignored.extend(components.map(|part| part.component_type.as_str().to_owned()));
        Ok(Self {
            component,
            written,
            ignored,
        })
    }

    /// Returns the task, and adds its other properties to `ignored`.
    pub(super) fn task(&mut self, circumstances: &TodoContext<'_>) -> Result<TaskRecord, String> {
        let TodoContext {
            now,
            time_zone,
            zones,
        } = circumstances;
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
                let moment = date.moment(zones, time_zone).map_err(about);
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
                // The time of writing; only validated.
                Property::Dtstamp => {
                    date()?;
                }
                // The number of revisions, which other programs count differently.
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
            // The task was reopened: some programs leave the time of completion.
            task.completed_at = None;
        } else if is_done {
            task.completed = Some(true);
        }
        identify(&mut task, uid.as_deref(), instance, *now);
        Ok(task)
    }
}

/// Sets the id of a task: a `UID` with a task id is the id. From another `UID` with a creation time, an id
/// is derived, the same at every import.
fn identify(task: &mut TaskRecord, uid: Option<&str>, instance: Option<&str>, now: Timestamp) {
    let created_at = task.created_at.take().and_then(|at| at.parse().ok());
    let created_at = created_at.filter(|at: &Timestamp| at.as_millis() >= 0 && *at <= now);
    task.id = match (uid, instance, created_at) {
        (Some(uid), None, _) if uid.parse::<TaskId>().is_ok() => Some(uid.to_owned()),
        (Some(uid), instance, Some(created_at)) => {
            let instance = instance.unwrap_or_default();
            Some(TaskId::from_external_uid(created_at, &format!("{uid} {instance}")).to_string())
        }
        (.., created_at) => {
            task.created_at = created_at.map(|at| at.to_string());
            None
        }
    };
}

/// True if the line can continue on the next line as in vCalendar 1.0.
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

/// Parses a duration (section 3.3.6) that is not negative.
fn span(written: &str) -> Result<Span, String> {
    let span = SpanParser::new().parse_span(written).ok();
    let span = span.filter(|span| span.get_years() == 0 && span.get_months() == 0);
    let span = span.ok_or("Write a duration of iCalendar, such as PT2H, P1D or P2W.")?;
    if span.is_negative() {
        return Err("It is negative, and a task is not due before it starts.".to_owned());
    }
    Ok(span)
}

/// Converts a priority by section 3.8.1.9: 1 to 4 are high, 5 is medium, 6 to 9 are low.
fn priority(number: i64) -> Priority {
    match number {
        1 => Priority::Urgent,
        2..=4 => Priority::High,
        5 => Priority::Medium,
        6..=9 => Priority::Low,
        _ => Priority::None,
    }
}
