//! Tasks as CSV: a line of names, and a line for each task.

use std::io::{self, BufRead, Chain, Cursor, Read, Write};

use csv::{ByteRecord, ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value},
};

use super::{
    ParsedTask, Sink, TaskRecord,
    limited_reader::{LimitedReader, MAX_TASK_BYTES, TOO_LONG},
    task_record::{DueText, WRONG_PRIORITY, WRONG_VERSION},
};
use crate::tasks::Priority;

/// The names of the fields of a line that is written, in their order.
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

/// The name of a field that is read, and not written: `completedAt` says it too.
const COMPLETED: &str = "completed";

/// A line that is written.
#[derive(Serialize)]
struct Row {
    id: Option<String>,
    version: Option<i32>,
    title: String,
    description: Option<String>,
    completed_at: Option<String>,
    priority: Option<Priority>,
    due_date: String,
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
    fn write(&mut self, task: TaskRecord) -> io::Result<()> {
        Ok(self.0.serialize(Row::from(task))?)
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

impl From<TaskRecord> for Row {
    fn from(task: TaskRecord) -> Self {
        let due = task.due.unwrap_or_default();
        Self {
            id: task.id,
            version: task.version,
            title: task.title,
            description: task.description,
            completed_at: task.completed_at,
            priority: task.priority,
            due_date: due.date,
            due_time: due.time,
            due_time_zone: due.time_zone,
            position: task.position,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

/// Reads what programs call CSV: fields that commas, semicolons or tabs separate.
pub(super) struct Reader<R: BufRead> {
    rows: csv::Reader<LimitedReader<Chain<Cursor<Vec<u8>>, R>>>,
    /// The names of the columns; a column without a name has none.
    columns: Option<Vec<Option<&'static str>>>,
    /// Whether nothing can be told of what comes.
    is_over: bool,
}

/// A row of the file, and the line where it begins.
struct Line {
    number: u64,
    fields: Result<StringRecord, String>,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(mut file: R) -> io::Result<Self> {
        let mut head = first_line(&mut file)?;
        let separator = take_separator(&mut head);
        let file = LimitedReader::new(Cursor::new(head).chain(file));
        let mut rows = ReaderBuilder::new();
        let rows = rows
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(file);
        Ok(Self {
            rows,
            columns: None,
            is_over: false,
        })
    }

    fn read(&mut self) -> io::Result<Option<ParsedTask>> {
        while !self.is_over {
            let Some(line) = self.line()? else {
                self.is_over = true;
                let file = self.rows.get_ref();
                let is_open = file.quotes() % 2 == 1;
                let wrong =
                    "A quotation mark before has no other: some of the file may be missing.";
                return Ok(is_open.then(|| ParsedTask::new(file.line(), Err(wrong.to_owned()))));
            };
            let task = match (&self.columns, line.fields) {
                (Some(columns), Ok(fields)) => task(columns, &fields),
                (Some(_), Err(wrong)) => Err(wrong),
                (None, fields) => match fields.and_then(|fields| columns(&fields)) {
                    Ok(columns) => {
                        self.columns = Some(columns);
                        continue;
                    }
                    Err(wrong) => {
                        self.is_over = true;
                        Err(wrong)
                    }
                },
            };
            return Ok(Some(ParsedTask::new(line.number, task)));
        }
        Ok(None)
    }

    /// The next line in which something stands.
    fn line(&mut self) -> io::Result<Option<Line>> {
        let mut row = ByteRecord::new();
        loop {
            self.rows.get_mut().begin();
            let is_any = self.rows.read_byte_record(&mut row)?;
            let file = self.rows.get_ref();
            let number = file.last_line().saturating_sub(line_ends(&row));
            if file.is_exceeded() {
                self.is_over = true;
                let fields = Err(TOO_LONG.to_owned());
                return Ok(Some(Line { number, fields }));
            }
            if !is_any {
                return Ok(None);
            }
            if row.iter().any(|field| !field.trim_ascii().is_empty()) {
                let fields = StringRecord::from_byte_record(row)
                    .map_err(|_| "It is not UTF-8: save the file as UTF-8.".to_owned());
                return Ok(Some(Line { number, fields }));
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<ParsedTask>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The first line in which something stands, as far as it is no longer than a task may be, with those before it.
fn first_line(file: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut file = file.take(MAX_TASK_BYTES as u64);
    while head.trim_ascii().is_empty() && file.read_until(b'\n', &mut head)? > 0 {}
    Ok(head)
}

/// The character that separates fields. A line such as `sep=;`, which spreadsheets write before the names, says it and
/// is taken away; otherwise it is the first in the line of names that can be one.
fn take_separator(head: &mut Vec<u8>) -> u8 {
    let begin = head.len() - head.trim_ascii_start().len();
    let end = head[begin..]
        .iter()
        .position(|it| matches!(it, b'\r' | b'\n'));
    let end = end.map_or(head.len(), |at| begin + at);
    let line = &head[begin..end];
    let said = line.strip_prefix(b"\"").unwrap_or(line);
    match said {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', said, ..]
            if said.is_ascii_punctuation() || *said == b'\t' =>
        {
            let said = *said;
            head.drain(begin..end);
            said
        }
        _ => {
            let mut separators = line.iter().filter(|it| matches!(it, b',' | b';' | b'\t'));
            *separators.next().unwrap_or(&b',')
        }
    }
}

/// How many lines end within a row.
fn line_ends(row: &ByteRecord) -> u64 {
    let in_field = |field: &[u8]| {
        let ends = field
            .iter()
            .filter(|it| matches!(it, b'\r' | b'\n'))
            .count();
        ends - field.windows(2).filter(|it| it == b"\r\n").count()
    };
    row.iter().map(|field| in_field(field) as u64).sum()
}

/// The names of the columns, as people and spreadsheets write them.
fn columns(names: &StringRecord) -> Result<Vec<Option<&'static str>>, String> {
    let all = NAMES.join(",");
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let bare = name.replace([' ', '_', '-', '\u{a0}'], "");
        if bare.is_empty() {
            columns.push(None);
            continue;
        }
        let mut known = NAMES.into_iter().chain([COMPLETED]);
        let known = known.find(|known| known.eq_ignore_ascii_case(&bare));
        let known =
            known.ok_or_else(|| format!("No field is called {name}: write some of {all}."))?;
        if columns.contains(&Some(known)) {
            return Err(format!("The field {known} is there twice."));
        }
        columns.push(Some(known));
    }
    if !columns.contains(&Some("title")) {
        return Err(format!("The field title is missing: write some of {all}."));
    }
    Ok(columns)
}

fn task(columns: &[Option<&str>], fields: &StringRecord) -> Result<TaskRecord, String> {
    let (count, expected) = (fields.len(), columns.len());
    let mut beyond = fields.iter().skip(expected);
    if count < expected || beyond.any(|field| !field.trim().is_empty()) {
        return Err(format!(
            "It has {count} fields, and the first line {expected}."
        ));
    }
    let (mut task, mut due, mut is_due) = (TaskRecord::default(), DueText::default(), false);
    for (at, (name, field)) in columns.iter().zip(fields).enumerate() {
        let word = field.trim();
        let text = Some(word.to_owned());
        match *name {
            // White space is a description too.
            Some("description") if !field.is_empty() => task.description = Some(field.to_owned()),
            _ if word.is_empty() => {}
            Some("id") => task.id = text,
            Some("version") => task.version = Some(version(word)?),
            Some("title") => task.title = field.to_owned(),
            Some(COMPLETED) => task.completed = Some(truth(word)?),
            Some("completedAt") => task.completed_at = text,
            Some("priority") => task.priority = Some(priority(word)?),
            Some("dueDate") => (due.date, is_due) = (word.to_owned(), true),
            Some("dueTime") => (due.time, is_due) = (text, true),
            Some("dueTimeZone") => (due.time_zone, is_due) = (text, true),
            Some("position") => task.position = text,
            Some("createdAt") => task.created_at = text,
            Some("updatedAt") => task.updated_at = text,
            _ => return Err(format!("Field {} has no name in the first line.", at + 1)),
        }
    }
    task.due = is_due.then_some(due);
    Ok(task)
}

/// A whole number, which spreadsheets may write with a part behind its point, or comma.
fn version(word: &str) -> Result<i32, String> {
    let (whole, part) = word.split_once(['.', ',']).unwrap_or((word, ""));
    let whole = whole
        .parse()
        .ok()
        .filter(|_| part.bytes().all(|it| it == b'0'));
    whole.ok_or_else(|| WRONG_VERSION.to_owned())
}

fn truth(word: &str) -> Result<bool, String> {
    word.to_ascii_lowercase()
        .parse()
        .map_err(|_| "completed: Write true or false.".to_owned())
}

fn priority(word: &str) -> Result<Priority, String> {
    let word = word.to_ascii_uppercase();
    let word: value::StrDeserializer<'_, value::Error> = word.as_str().into_deserializer();
    Priority::deserialize(word).map_err(|_| WRONG_PRIORITY.to_owned())
}
