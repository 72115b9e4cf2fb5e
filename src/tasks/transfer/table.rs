//! Tasks as CSV: a line of names, and a line for each task.

use std::{
    collections::HashSet,
    io::{self, BufRead, Write},
};

use csv::{ErrorKind, StringRecord, Terminator, WriterBuilder};
use serde::{Deserialize, Serialize};

use super::{
    Found, Sink, TaskText,
    bounded::{Bounded, TOO_LONG},
    text::DueText,
};
use crate::tasks::priority::Priority;

/// The names of a line's fields, in their order.
const NAMES: [&str; 12] = [
    "id",
    "version",
    "title",
    "description",
    "completedAt",
    "priority",
    "dueDate",
    "dueTime",
    "dueTimeZone",
    "position",
    "createdAt",
    "updatedAt",
];

/// A line; what is empty is not said.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    id: Option<String>,
    version: Option<i32>,
    title: String,
    description: Option<String>,
    completed_at: Option<String>,
    priority: Option<Priority>,
    due_date: Option<String>,
    due_time: Option<String>,
    due_time_zone: Option<String>,
    position: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

pub(super) struct Writer<'a>(csv::Writer<&'a mut (dyn Write + Send)>);

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a mut (dyn Write + Send)) -> io::Result<Self> {
        let mut lines = WriterBuilder::new();
        let lines = lines.terminator(Terminator::CRLF).has_headers(false);
        let mut lines = lines.from_writer(file);
        lines.write_record(NAMES)?;
        Ok(Self(lines))
    }
}

impl Sink for Writer<'_> {
    fn write(&mut self, task: TaskText) -> io::Result<()> {
        Ok(self.0.serialize(Row::from(task))?)
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

pub(super) struct Reader<R> {
    lines: csv::Reader<Bounded<R>>,
    /// What the first line says that the others have.
    names: Option<StringRecord>,
    /// Whether nothing can be told of what comes.
    is_over: bool,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            lines: csv::Reader::from_reader(Bounded::new(file)),
            names: None,
            is_over: false,
        }
    }

    fn read(&mut self) -> csv::Result<Option<Found>> {
        if self.is_over {
            return Ok(None);
        }
        let names = match &self.names {
            Some(names) => names,
            None => match self.head()? {
                Ok(names) => self.names.insert(names),
                Err(wrong) => return Ok(Some(Found::new(1, Err(wrong)))),
            },
        };
        let begins = self.lines.position().line();
        self.lines.get_mut().begin();
        let mut line = StringRecord::new();
        let is_any = self.lines.read_record(&mut line);
        if self.lines.get_ref().is_exceeded() {
            self.is_over = true;
            return Ok(Some(Found::new(begins, Err(TOO_LONG.to_owned()))));
        }
        if !is_any? {
            self.is_over = true;
            let is_open = self.lines.get_ref().quotes() % 2 == 1;
            let wrong = "A quotation mark before has no other: some of the file may be missing.";
            return Ok(is_open.then(|| Found::new(begins, Err(wrong.to_owned()))));
        }
        let number = line.position().map_or(begins, csv::Position::line);
        let row: Row = line.deserialize(Some(names))?;
        Ok(Some(Found::new(number, Ok(row.into()))))
    }

    /// The names, or what is wrong with them; then nothing more is read.
    fn head(&mut self) -> csv::Result<Result<StringRecord, String>> {
        self.is_over = true;
        let names = self.lines.headers()?.clone();
        let all = NAMES.join(",");
        if self.lines.get_ref().is_exceeded() {
            return Ok(Err(TOO_LONG.to_owned()));
        }
        let mut seen = HashSet::new();
        if let Some(name) = names.iter().find(|name| !NAMES.contains(name)) {
            return Ok(Err(format!(
                "No field is called {name}: write some of {all}."
            )));
        }
        if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
            return Ok(Err(format!("The field {name} is there twice.")));
        }
        // A file with nothing in it has no tasks.
        if !names.is_empty() && !seen.contains("title") {
            return Ok(Err(format!(
                "The field title is missing: write some of {all}."
            )));
        }
        self.is_over = names.is_empty();
        Ok(Ok(names))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        let error = match self.read() {
            Ok(found) => return found.map(Ok),
            Err(error) => error,
        };
        let line = error.position().map_or(1, csv::Position::line);
        let wrong = match error.into_kind() {
            ErrorKind::Io(error) => return Some(Err(error)),
            ErrorKind::Utf8 { .. } => "It is not UTF-8.".to_owned(),
            ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => format!("It has {len} fields, and the first line {expected_len}."),
            ErrorKind::Deserialize { err, .. } => match err.field() {
                Some(at) => format!("Field {}: {}.", at + 1, err.kind()),
                None => err.to_string(),
            },
            kind => format!("{kind:?}"),
        };
        Some(Ok(Found::new(line, Err(wrong))))
    }
}

impl From<TaskText> for Row {
    fn from(task: TaskText) -> Self {
        let due = task.due.unwrap_or_default();
        Self {
            id: task.id,
            version: task.version,
            title: task.title,
            description: task.description,
            completed_at: task.completed_at,
            priority: task.priority,
            due_date: Some(due.date),
            due_time: due.time,
            due_time_zone: due.time_zone,
            position: task.position,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

impl From<Row> for TaskText {
    fn from(row: Row) -> Self {
        let is_due =
            row.due_date.is_some() || row.due_time.is_some() || row.due_time_zone.is_some();
        Self {
            id: row.id,
            version: row.version,
            title: row.title,
            description: row.description,
            completed_at: row.completed_at,
            priority: row.priority,
            due: is_due.then(|| DueText {
                date: row.due_date.unwrap_or_default(),
                time: row.due_time,
                time_zone: row.due_time_zone,
            }),
            position: row.position,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
