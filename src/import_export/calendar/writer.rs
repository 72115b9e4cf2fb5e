//! Writes a calendar: its time zones, and a `VTODO` for each task.

use std::io::{self, Write};

use calcard::{
    common::PartialDateTime,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType as Component, ICalendarEntry,
        ICalendarParameter, ICalendarProperty as Property, ICalendarStatus as Status,
        ICalendarValue as Value, ICalendarValueType,
    },
};
use jiff::civil;

use super::{END, POSITION, UTC};
use crate::{
    clock::Timestamp,
    import_export::{Sink, TaskRecord, task_record::DueText},
    tasks::{DueZone, Priority},
};

/// The maximum range in which a time zone is described, in Unix seconds: the years 1900 to 2099.
const DESCRIBED_SECONDS: std::ops::RangeInclusive<i64> = -2_208_988_800..=4_102_444_800;

/// The time before the first due date and after the last one for which a time zone is described, in
/// seconds: two years.
const ZONE_MARGIN_SECONDS: i64 = 2 * 366 * 24 * 60 * 60;

pub(in crate::import_export) struct Writer<'a>(&'a mut (dyn Write + Send));

impl<'a> Writer<'a> {
    pub(in crate::import_export) fn new(
        file: &'a mut (dyn Write + Send),
        zones: &[DueZone],
    ) -> io::Result<Self> {
        let mut head = ICalendarComponent::new(Component::VCalendar);
        head.add_property(Property::Version, text("2.0"));
        head.add_property(Property::Prodid, text("-//Cubby//Cubby//EN"));
        let mut calendar = ICalendar {
            components: vec![head],
        };
        for zone in zones {
            let seconds = |at: Timestamp| {
                at.as_seconds()
                    .clamp(*DESCRIBED_SECONDS.start(), *DESCRIBED_SECONDS.end())
            };
            let (first, last) = (
                seconds(zone.first) - ZONE_MARGIN_SECONDS,
                seconds(zone.last) + ZONE_MARGIN_SECONDS,
            );
            // A zone that the library does not know has no description, only its name in TZID.
            calendar.add_timezone(&zone.name, first, last);
        }
        let written = calendar.to_string();
        let head = written.trim_end().trim_end_matches(END);
        file.write_all(head.as_bytes())?;
        Ok(Self(file))
    }
}

impl Sink for Writer<'_> {
    fn write(&mut self, task: TaskRecord) -> io::Result<()> {
        let todo = ICalendar {
            components: vec![component(task)],
        };
        write!(self.0, "{todo}")
    }

    fn end(self: Box<Self>) -> io::Result<()> {
        write!(self.0, "{END}\r\n")
    }
}

fn component(task: TaskRecord) -> ICalendarComponent {
    let mut todo = ICalendarComponent::new(Component::VTodo);
    let is_done = task.completed_at.is_some();
    if let Some(id) = &task.id {
        todo.add_uid(id);
    }
    for (property, moment) in [
        // Without METHOD, DTSTAMP is the time of the last change (section 3.8.7.2).
        (Property::Dtstamp, &task.updated_at),
        (Property::Created, &task.created_at),
        (Property::LastModified, &task.updated_at),
        (Property::Completed, &task.completed_at),
    ] {
        if let Some(at) = moment
            .as_deref()
            .and_then(|at| at.parse::<Timestamp>().ok())
        {
            let at = PartialDateTime::from_utc_timestamp(at.as_seconds());
            todo.add_property(property, date_time(at));
        }
    }
    todo.add_property(
        Property::Summary,
        text(&readable(&task.title.unwrap_or_default())),
    );
    if let Some(description) = &task.description {
        todo.add_property(Property::Description, text(&readable(description)));
    }
    let status = if is_done {
        Status::Completed
    } else {
        Status::NeedsAction
    };
    todo.add_property(Property::Status, Value::Status(status));
    if is_done {
        todo.add_property(Property::PercentComplete, Value::Integer(100));
    }
    let priority = match task.priority.unwrap_or_default() {
        Priority::None => None,
        Priority::Urgent => Some(1),
        Priority::High => Some(3),
        Priority::Medium => Some(5),
        Priority::Low => Some(9),
    };
    if let Some(priority) = priority {
        todo.add_property(Property::Priority, Value::Integer(priority));
    }
    todo.entries.extend(task.due.and_then(due_entry));
    if let Some(position) = &task.position {
        todo.add_property(Property::Other(POSITION.to_owned()), text(position));
    }
    todo
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn date_time(at: PartialDateTime) -> Value {
    Value::PartialDateTime(Box::new(at))
}

/// Converts a text for iCalendar (section 3.3.11): line ends become LF, and control characters are
/// removed.
fn readable(text: &str) -> String {
    let is_written = |it: &char| !it.is_control() || matches!(it, '\n' | '\t');
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(is_written)
        .collect()
}

fn due_entry(due: DueText) -> Option<ICalendarEntry> {
    let date: civil::Date = due.date?.parse().ok()?;
    let entry = ICalendarEntry::new(Property::Due);
    let mut at = PartialDateTime {
        year: Some(date.year().unsigned_abs()),
        month: Some(date.month().unsigned_abs()),
        day: Some(date.day().unsigned_abs()),
        ..Default::default()
    };
    let Some(time) = due.time else {
        let is_day = ICalendarParameter::value(ICalendarValueType::Date);
        return Some(entry.with_param(is_day).with_value(date_time(at)));
    };
    let time: civil::Time = time.parse().ok()?;
    at.hour = Some(time.hour().unsigned_abs());
    at.minute = Some(time.minute().unsigned_abs());
    at.second = Some(time.second().unsigned_abs());
    Some(match due.time_zone {
        None => entry.with_value(date_time(at)),
        Some(zone) if zone == UTC => {
            (at.tz_hour, at.tz_minute) = (Some(0), Some(0));
            entry.with_value(date_time(at))
        }
        Some(zone) => {
            let zone = ICalendarParameter::tzid(zone);
            entry.with_param(zone).with_value(date_time(at))
        }
    })
}
