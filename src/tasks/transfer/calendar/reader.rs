//! Reads a calendar: it is cut into its components, so that one is held at a time, and their properties are told apart.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use calcard::{
    Entry, Parser,
    common::{PartialDateTime, timezone::Tz},
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarEntry, ICalendarProperty as Property,
        ICalendarStatus as Status, ICalendarValue as Value,
    },
};
use jiff::{civil, tz};

use super::{BEGIN, END, POSITION, UTC};
use crate::{
    auth::TimeZone,
    clock::Timestamp,
    id::TaskId,
    tasks::{
        priority::Priority,
        transfer::{
            Found, TaskText,
            bounded::{LONGEST, TOO_LONG},
            text::DueText,
        },
    },
};

/// How many time zones of its own a calendar has at most: about as many as there are.
const MOST_ZONES: usize = 1_000;

/// What a task is called that has no summary.
const UNTITLED: &str = "Untitled";

pub(in crate::tasks::transfer) struct Reader<R> {
    file: R,
    /// The line that was read last.
    line: u64,
    is_begun: bool,
    /// Whether the calendar that begun has not ended.
    is_open: bool,
    now: Timestamp,
    /// What the file calls time zones, and what they are.
    zones: HashMap<String, TimeZone>,
}

/// A component of a file, unfolded.
struct Block {
    line: u64,
    bytes: Vec<u8>,
    is_whole: bool,
}

impl<R: BufRead> Reader<R> {
    pub(in crate::tasks::transfer) fn new(file: R, now: Timestamp) -> Self {
        Self {
            file,
            line: 0,
            is_begun: false,
            is_open: false,
            now,
            zones: HashMap::new(),
        }
    }

    fn read(&mut self) -> io::Result<Option<Found>> {
        let mut line = Vec::new();
        loop {
            if !self.read_line(&mut line)? {
                let wrong = "The calendar has no end: some of the file is missing.".to_owned();
                return Ok(
                    std::mem::take(&mut self.is_open).then(|| Found::new(self.line, Err(wrong)))
                );
            }
            let name = line.trim_ascii();
            if !self.is_begun && !name.is_empty() {
                self.is_begun = true;
                if !name.eq_ignore_ascii_case(BEGIN.as_bytes()) {
                    let wrong = format!("A calendar begins with {BEGIN}.");
                    return Ok(Some(Found::new(self.line, Err(wrong))));
                }
            }
            if name.eq_ignore_ascii_case(BEGIN.as_bytes()) {
                self.is_open = true;
            } else if name.eq_ignore_ascii_case(END.as_bytes()) {
                self.is_open = false;
            } else if name.eq_ignore_ascii_case(b"BEGIN:VTIMEZONE") {
                let block = self.block(&line, b"END:VTIMEZONE")?;
                self.note_zone(&block);
            } else if name.eq_ignore_ascii_case(b"BEGIN:VTODO") {
                let block = self.block(&line, b"END:VTODO")?;
                return Ok(Some(self.found(&block)));
            }
        }
    }

    /// Whether there is a line. What is too long for any component is read, and not kept.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let mut is_any = false;
        loop {
            let some = self.file.fill_buf()?;
            if some.is_empty() {
                break;
            }
            is_any = true;
            let end = some.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(some.len(), |at| at + 1);
            if line.len() <= LONGEST {
                line.extend_from_slice(&some[..count]);
            }
            self.file.consume(count);
            if end.is_some() {
                break;
            }
        }
        self.line += u64::from(is_any);
        Ok(is_any)
    }

    /// The component that begins with this line.
    fn block(&mut self, first: &[u8], end: &[u8]) -> io::Result<Block> {
        let mut block = Block {
            line: self.line,
            bytes: first.to_vec(),
            is_whole: false,
        };
        let mut line = Vec::new();
        while !block.is_whole && self.read_line(&mut line)? {
            block.is_whole = line.trim_ascii().eq_ignore_ascii_case(end);
            if block.bytes.len() > LONGEST {
                continue;
            }
            // Before anything is taken for characters: a line may be folded within one.
            match line.first() {
                Some(b' ' | b'\t') => {
                    let unfolded = block.bytes.trim_ascii_end().len();
                    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
                    let ends = block.bytes[unfolded..].iter().position(is_end);
                    block.bytes.truncate(unfolded + ends.unwrap_or(0));
                    block.bytes.extend_from_slice(&line[1..]);
                }
                _ => block.bytes.extend_from_slice(&line),
            }
        }
        Ok(block)
    }

    fn note_zone(&mut self, block: &Block) {
        if self.zones.len() < MOST_ZONES
            && let Ok(zone) = parse(block)
            && let Some((name, zone)) = zone.components.first().and_then(|it| it.timezone())
            && let Some(zone) = zone.name().and_then(|zone| TimeZone::named(&zone))
        {
            self.zones.insert(name.to_owned(), zone);
        }
    }

    /// The time zone of a name that a file may make up.
    fn zone(&self, name: &str) -> Option<TimeZone> {
        let described = || self.zones.get(name).cloned();
        // Evolution writes the name behind the registry that it took it from.
        let registered = || {
            let cuts = name.match_indices('/');
            cuts.map(|(at, _)| &name[at + 1..])
                .find_map(TimeZone::named)
        };
        let guessed = || {
            let zone: Tz = name.parse().ok()?;
            TimeZone::named(&zone.name()?)
        };
        TimeZone::named(name)
            .or_else(described)
            .or_else(registered)
            .or_else(guessed)
    }

    fn found(&self, block: &Block) -> Found {
        let calendar = match parse(block) {
            Ok(calendar) => calendar,
            Err(wrong) => return Found::new(block.line, Err(wrong)),
        };
        let Some((todo, parts)) = calendar.components.split_first() else {
            return Found::new(block.line, Err("There is nothing in it.".to_owned()));
        };
        let (task, mut left_out) = self.task(todo);
        left_out.extend(
            parts
                .iter()
                .map(|part| part.component_type.as_str().to_owned()),
        );
        Found {
            line: block.line,
            task,
            left_out,
        }
    }

    /// The task, and which of its properties there is no place for.
    fn task(&self, todo: &ICalendarComponent) -> (Result<TaskText, String>, Vec<String>) {
        let mut task = TaskText::default();
        let (mut due, mut left_out) = (Ok(None), Vec::new());
        let (mut uid, mut instance) = (None, None);
        let (mut is_done, mut is_open) = (false, false);
        let moment = |entry: &ICalendarEntry| Some(self.moment(entry)?.to_string());
        for entry in &todo.entries {
            let value = entry.values.first();
            let text = || value.and_then(Value::as_text).map(str::to_owned);
            match &entry.name {
                Property::Uid => uid = text(),
                Property::RecurrenceId => {
                    instance = text().or_else(|| Some(self.moment(entry)?.to_string()));
                    left_out.push(entry.name.as_str().to_owned());
                }
                Property::Summary => task.title = text().unwrap_or_default(),
                Property::Description => task.description = text(),
                Property::Created => task.created_at = moment(entry),
                Property::LastModified => task.updated_at = moment(entry),
                Property::Completed => task.completed_at = moment(entry),
                Property::PercentComplete => {
                    is_done |= value.and_then(Value::as_integer) == Some(100);
                }
                Property::Status => match value {
                    Some(Value::Status(Status::Completed | Status::Cancelled)) => is_done = true,
                    Some(Value::Status(Status::NeedsAction | Status::InProcess)) => is_open = true,
                    _ => {}
                },
                Property::Priority => {
                    task.priority = value.and_then(Value::as_integer).map(priority);
                }
                Property::Due => due = self.due(entry).map(Some),
                Property::Other(name) if name.eq_ignore_ascii_case(POSITION) => {
                    task.position = text()
                }
                // When it was written down, and how often.
                Property::Dtstamp | Property::Sequence => {}
                other => left_out.push(other.as_str().to_owned()),
            }
        }
        if task.title.trim().is_empty() {
            task.title = UNTITLED.to_owned();
        }
        if is_open {
            // It was done once: some programs leave the moment.
            task.completed_at = None;
        } else if is_done && task.completed_at.is_none() {
            let changed_at = task.updated_at.clone();
            task.completed_at = Some(changed_at.unwrap_or_else(|| self.now.to_string()));
        }
        self.identify(&mut task, uid.as_deref(), instance);
        let task = due.map(|due| TaskText { due, ..task });
        (task, left_out)
    }

    /// Gives a task its id: what is ours is the id, and what is not stands for one, the same whenever it is read.
    fn identify(&self, task: &mut TaskText, uid: Option<&str>, instance: Option<String>) {
        let created_at = task.created_at.take().and_then(|at| at.parse().ok());
        let created_at = created_at.filter(|at: &Timestamp| at.as_millis() >= 0 && *at <= self.now);
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

    fn due(&self, entry: &ICalendarEntry) -> Result<DueText, String> {
        let wrong = || "DUE: It is no date of iCalendar's, such as 20261121T093000.".to_owned();
        let at = entry.values.first().and_then(Value::as_partial_date_time);
        let at = at.ok_or_else(wrong)?;
        let date = date_of(at).ok_or_else(wrong)?;
        let time = match at.hour {
            Some(_) => Some(time_of(at).ok_or_else(wrong)?),
            None => None,
        };
        let time_zone = match (entry.tz_id(), at.tz_hour) {
            _ if time.is_none() => None,
            (_, Some(_)) => Some(UTC.to_owned()),
            (Some(name), None) => {
                let zone = self.zone(name);
                let zone =
                    zone.ok_or_else(|| format!("DUE: The time zone {name} is not known."))?;
                Some(zone.into_string())
            }
            (None, None) => None,
        };
        Ok(DueText {
            date: date.to_string(),
            time: time.map(|time| time.to_string()),
            time_zone,
        })
    }

    /// The instant that a property says. What says no time zone is taken for UTC, as it should be.
    fn moment(&self, entry: &ICalendarEntry) -> Option<Timestamp> {
        let at = entry.values.first()?.as_partial_date_time()?;
        let wall = date_of(at)?.to_datetime(time_of(at).unwrap_or(civil::Time::midnight()));
        let zone = entry.tz_id().filter(|_| at.tz_hour.is_none());
        let zone = zone.and_then(|name| self.zone(name));
        let zone = zone.map_or(tz::TimeZone::UTC, |zone| zone.rules());
        let at = zone.to_ambiguous_timestamp(wall).compatible().ok()?;
        Some(Timestamp::from_millis(at.as_millisecond()))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn parse(block: &Block) -> Result<ICalendar, String> {
    if block.bytes.len() > LONGEST {
        return Err(TOO_LONG.to_owned());
    }
    if !block.is_whole {
        return Err("It has no end: some of the file is missing.".to_owned());
    }
    let text = str::from_utf8(&block.bytes).map_err(|_| "It is not UTF-8.".to_owned())?;
    match Parser::new(text).entry() {
        Entry::ICalendar(calendar) => Ok(calendar),
        Entry::InvalidLine(line) => Err(format!("It has a line that cannot be read: {line}")),
        _ => Err("It is no component of a calendar.".to_owned()),
    }
}

fn date_of(at: &PartialDateTime) -> Option<civil::Date> {
    let (year, month, day) = (at.year?, at.month?, at.day?);
    civil::Date::new(
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    )
    .ok()
}

/// The time of day; of a leap second the one before it.
fn time_of(at: &PartialDateTime) -> Option<civil::Time> {
    let (hour, minute) = (at.hour?, at.minute.unwrap_or(0));
    let second = at.second.unwrap_or(0).min(59);
    civil::Time::new(
        hour.try_into().ok()?,
        minute.try_into().ok()?,
        second.try_into().ok()?,
        0,
    )
    .ok()
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
