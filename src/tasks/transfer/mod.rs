//! Tasks out of the database and into it, as files have them.
//!
//! A file is read one task at a time, and written so: how many there are is no matter of memory, but for the ids of
//! those that are read. It is read twice. What is wrong is found before anything is locked, and all of it is told;
//! then everything is stored in one transaction, or nothing.

mod calendar;
mod csv;
mod json;
mod limited_reader;
mod store;
mod text;

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write},
};

use encoding_rs_io::DecodeReaderBytesBuilder;
pub(crate) use store::import;

use super::{
    entity::{Column, Entity},
    limit::LimitReached,
};
use crate::{
    clock::Timestamp,
    error::Error,
    identity::TimeZone,
    scope::{Direction, Filter, Query, SortKey, Viewer},
};
use text::TaskText;

/// How many are read from the database at once.
const PAGE: u64 = 1_000;

/// How a file has its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskFormat {
    /// An array of objects, or an object after another.
    Json,
    /// RFC 4180, with a line of names first.
    Csv,
    /// RFC 5545, the tasks as `VTODO`.
    Icalendar,
}

/// What to do with the tasks of a file beside storing them.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskImport {
    /// Store nothing, and say what is wrong.
    pub dry_run: bool,
    /// Leave out those that are there, or were.
    pub skip_existing: bool,
    /// Give each an id of its own, whatever the file says.
    pub new_ids: bool,
}

/// What became of the tasks of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TasksImported {
    pub stored: u64,
    /// That were there before.
    pub skipped: u64,
    /// What there is no place for, and how often it came.
    pub left_out: BTreeMap<String, u64>,
}

/// Why tasks were not taken out, or not taken in.
#[derive(Debug)]
pub(crate) enum TransferError {
    File(io::Error),
    /// What is wrong with it.
    Refused(String),
    Failed(Error),
}

impl From<io::Error> for TransferError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<LimitReached> for TransferError {
    fn from(reached: LimitReached) -> Self {
        Self::Refused(format!("nothing was stored: {}", reached.of_command()))
    }
}

impl From<Error> for TransferError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A task of a file, or what is wrong with what stands there.
struct Found {
    /// Where it begins, counted from 1.
    line: u64,
    task: Result<TaskText, String>,
    /// What it has that there is no place for.
    left_out: Vec<String>,
}

impl Found {
    fn new(line: u64, task: Result<TaskText, String>) -> Self {
        Self {
            line,
            task,
            left_out: Vec::new(),
        }
    }
}

/// What a file has, in its order. Of one that cannot be read to its end it ends with why.
type Source<'a> = Box<dyn Iterator<Item = io::Result<Found>> + Send + 'a>;

/// What writes tasks into a file.
trait Sink {
    fn write(&mut self, task: TaskText) -> io::Result<()>;

    /// What comes after the last.
    fn end(self: Box<Self>) -> io::Result<()>;
}

impl TaskFormat {
    /// The tasks of a file in UTF-8, or, where it begins with the mark of it, in UTF-16.
    fn source<'a>(
        self,
        file: impl BufRead + Send + 'a,
        now: Timestamp,
        home: &'a TimeZone,
    ) -> io::Result<Source<'a>> {
        let file = DecodeReaderBytesBuilder::new()
            .utf8_passthru(true)
            .strip_bom(true)
            .build(file);
        let file = BufReader::new(file);
        Ok(match self {
            Self::Json => Box::new(json::Reader::new(file)),
            Self::Csv => Box::new(csv::Reader::new(file)?),
            Self::Icalendar => Box::new(calendar::Reader::new(file, now, home)),
        })
    }
}

/// Writes all the viewer's tasks in the order in which they were made, each as it is when its turn comes, and tells
/// after each lot how many it was.
pub(crate) async fn export(
    viewer: &Viewer,
    format: TaskFormat,
    file: &mut (dyn Write + Send),
    told: impl Fn(usize),
) -> Result<(), TransferError> {
    let mut sink: Box<dyn Sink + Send> = match format {
        TaskFormat::Json => Box::new(json::Writer::new(file)),
        TaskFormat::Csv => Box::new(csv::Writer::new(file)?),
        TaskFormat::Icalendar => {
            let zones = calendar::zones_of(viewer).await?;
            Box::new(calendar::Writer::new(file, &zones)?)
        }
    };
    let mut after = None;
    loop {
        let rest = after.map_or_else(Filter::always, |after| Filter::gt(Column::Id, after));
        let page = Query::<Entity>::filter(rest)
            .order_by(SortKey::column(Column::Id), Direction::Ascending)
            .limit(PAGE);
        let page = viewer.find_all(page).await?;
        let Some(last) = page.last() else {
            return Ok(sink.end()?);
        };
        after = Some(last.id);
        let count = page.len();
        for task in page {
            sink.write(TaskText::of(task)?)?;
        }
        told(count);
    }
}
