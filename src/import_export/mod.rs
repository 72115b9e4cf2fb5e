//! Import and export of a user's tasks, as JSON, CSV and iCalendar files.
//!
//! Files are read and written one task at a time, so that of an imported file only the ids are in memory.
//! An imported file is read twice: the first pass finds all errors before anything is locked, and the
//! second stores all tasks in one transaction, or none.

mod calendar;
mod csv;
mod import;
mod json;
mod limited_reader;
mod task_record;

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write},
};

use encoding_rs_io::DecodeReaderBytesBuilder;

use crate::{
    clock::Timestamp,
    error::Error,
    identity::{AdminError, TimeZone, UserAdmin},
    scope::Viewer,
    tasks::{self, limit::LimitReached},
};
use task_record::TaskRecord;

/// The number of tasks that an export reads from the database at once.
const PAGE_SIZE: u64 = 1_000;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskFormat {
    /// An array of objects, or one object after another.
    Json,
    /// CSV (RFC 4180) with a header row.
    Csv,
    /// iCalendar (RFC 5545) with a `VTODO` per task.
    Icalendar,
}

/// The options of an import.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskImport {
    /// Validates the file and stores nothing.
    pub dry_run: bool,
    /// Skips tasks whose ids are stored, or belonged to deleted tasks.
    pub skip_existing: bool,
    /// Gives each task a new id, and ignores the ids in the file.
    pub new_ids: bool,
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TasksImported {
    pub stored: u64,
    /// The tasks that `skip_existing` skipped.
    pub skipped: u64,
    /// The properties of the file that tasks do not have, each with its number of occurrences.
    pub ignored: BTreeMap<String, u64>,
}

/// An error of an import or an export.
#[derive(Debug)]
enum TransferError {
    File(io::Error),
    /// The file is invalid, or has too many tasks; the message lists the errors.
    Invalid(String),
    Failed(Error),
}

impl From<io::Error> for TransferError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<LimitReached> for TransferError {
    fn from(reached: LimitReached) -> Self {
        Self::Invalid(format!("nothing was stored: {}", reached.of_command()))
    }
}

impl From<Error> for TransferError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A task of a file, or the error of an invalid one.
struct ParsedTask {
    /// The line at which the task begins, counted from 1.
    line: u64,
    task: Result<TaskRecord, String>,
    /// The properties of the file's task that tasks do not have.
    ignored: Vec<String>,
}

impl ParsedTask {
    fn new(line: u64, task: Result<TaskRecord, String>) -> Self {
        Self {
            line,
            task,
            ignored: Vec::new(),
        }
    }
}

/// The tasks of a file, in the file's order. The iterator ends at a read error.
type Source<'a> = Box<dyn Iterator<Item = io::Result<ParsedTask>> + Send + 'a>;

/// A writer of tasks in one format.
trait Sink {
    fn write(&mut self, task: TaskRecord) -> io::Result<()>;

    /// Writes the end of the file.
    fn end(self: Box<Self>) -> io::Result<()>;
}

impl TaskFormat {
    /// Returns the tasks of a file. Its encoding is UTF-8, or UTF-16 if it begins with a byte order mark.
    fn source<'a>(
        self,
        file: impl BufRead + Send + 'a,
        now: Timestamp,
        time_zone: &'a TimeZone,
    ) -> io::Result<Source<'a>> {
        let file = DecodeReaderBytesBuilder::new()
            .utf8_passthru(true)
            .strip_bom(true)
            .build(file);
        let file = BufReader::new(file);
        Ok(match self {
            Self::Json => Box::new(json::Reader::new(file)),
            Self::Csv => Box::new(csv::Reader::new(file)?),
            Self::Icalendar => Box::new(calendar::Reader::new(file, now, time_zone)),
        })
    }
}

/// Counts the tasks of the user with this address or id.
///
/// # Errors
/// Fails if there is no such user.
pub async fn count_tasks(people: &UserAdmin, who: &str) -> Result<i64, AdminError> {
    Ok(people.viewer(who).await?.task_count().await?)
}

/// Writes all tasks of a user to a file, and reports the number of tasks of each batch.
///
/// # Errors
/// Fails if there is no such user, or if the file cannot be written.
pub async fn export_tasks(
    people: &UserAdmin,
    who: &str,
    format: TaskFormat,
    file: &mut (dyn Write + Send),
    on_progress: impl Fn(usize),
) -> Result<(), AdminError> {
    let viewer = people.viewer(who).await?;
    Ok(export(&viewer, format, file, on_progress).await?)
}

/// Stores the tasks of a file for a user, all of them or none. The file is opened twice.
///
/// # Errors
/// Fails if there is no such user, if the file cannot be read, or if a task of it is invalid.
pub async fn import_tasks<R: BufRead + Send>(
    people: &UserAdmin,
    who: &str,
    format: TaskFormat,
    options: TaskImport,
    open: impl Fn() -> io::Result<R>,
) -> Result<TasksImported, AdminError> {
    let viewer = people.viewer(who).await?;
    Ok(import::import(&viewer, people.limits, format, options, open).await?)
}

impl From<TransferError> for AdminError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::File(error) => {
                Self::new(format!("the file cannot be read or written: {error}"))
            }
            TransferError::Invalid(message) => Self::new(message),
            TransferError::Failed(error) => error.into(),
        }
    }
}

/// Writes the viewer's tasks in the order of their ids. Changes during the export may or may not be in the
/// file.
async fn export(
    viewer: &Viewer,
    format: TaskFormat,
    file: &mut (dyn Write + Send),
    on_progress: impl Fn(usize),
) -> Result<(), TransferError> {
    let mut sink: Box<dyn Sink + Send> = match format {
        TaskFormat::Json => Box::new(json::Writer::new(file)),
        TaskFormat::Csv => Box::new(csv::Writer::new(file)?),
        TaskFormat::Icalendar => {
            let zones = tasks::due_zones(viewer, calendar::UTC).await?;
            Box::new(calendar::Writer::new(file, &zones)?)
        }
    };
    let mut after = None;
    loop {
        let page = tasks::page_by_id(viewer, after, PAGE_SIZE).await?;
        let Some(last) = page.last() else {
            return Ok(sink.end()?);
        };
        after = Some(last.id);
        let count = page.len();
        for task in page {
            sink.write(TaskRecord::of(task))?;
        }
        on_progress(count);
    }
}
