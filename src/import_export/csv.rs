//! Tasks as CSV: writes and reads a header row and one row per task.

use std::io::{self, BufRead, Chain, Cursor, Read, Write};

use csv::{ByteRecord, ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value},
};

use super::{
    ParsedTask, Sink, TaskRecord,
    limited_reader::{LimitedReader, MAX_TASK_BYTES, TOO_LONG},
    task_record::{FIELDS, Field, WRONG_PRIORITY, WRONG_VERSION},
};
use crate::tasks::Priority;

/// A field of a row to write.
#[derive(Serialize)]
#[serde(untagged)]
enum Cell {
    Text(Option<String>),
    Version(Option<i32>),
    Priority(Option<Priority>),
}

pub(super) struct Writer<'a>(csv::Writer<&'a mut (dyn Write + Send)>);

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a mut (dyn Write + Send)) -> io::Result<Self> {
        let mut lines = WriterBuilder::new();
        let lines = lines.terminator(Terminator::CRLF).has_headers(false);
        let mut lines = lines.from_writer(file);
        lines.write_record(names())?;
        Ok(Self(lines))
    }
}

impl Sink for Writer<'_> {
    fn write(&mut self, task: TaskRecord) -> io::Result<()> {
        Ok(self.0.serialize(cells(task))?)
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns the names of the columns to write.
fn names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().filter_map(|(name, field)| match field {
        Field::Completed => None,
        _ => Some(*name),
    })
}

/// Returns the fields of a row, in the order of their columns.
fn cells(mut task: TaskRecord) -> Vec<Cell> {
    let cell = |(_, field): &(_, Field)| match field {
        Field::Word(of) | Field::Text(of) => Some(Cell::Text(of(&mut task).take())),
        Field::Due(of) => {
            let part = task.due.as_mut().and_then(|due| of(due).take());
            Some(Cell::Text(part))
        }
        Field::Version => Some(Cell::Version(task.version)),
        Field::Priority => Some(Cell::Priority(task.priority)),
        Field::Completed => None,
    };
    FIELDS.iter().filter_map(cell).collect()
}

/// A column of a file; `None` if its name is empty.
type Column = Option<(&'static str, Field)>;

/// Reads CSV with commas, semicolons or tabs as separators.
pub(super) struct Reader<R: BufRead> {
    rows: csv::Reader<LimitedReader<Chain<Cursor<Vec<u8>>, R>>>,
    /// The columns, once the header row has been read.
    columns: Option<Vec<Column>>,
    /// True after the last row, or after an error that makes the rest unreadable.
    is_over: bool,
}

/// A row of the file, with the line at which it begins.
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
                let wrong = "A quotation mark before this line is not closed: some of the file may be missing.";
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

    /// Reads the next row with a field that is not blank.
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

/// Reads up to the end of the first line that is not blank, at most [`MAX_TASK_BYTES`].
fn first_line(file: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut file = file.take(MAX_TASK_BYTES as u64);
    while head.trim_ascii().is_empty() && file.read_until(b'\n', &mut head)? > 0 {}
    Ok(head)
}

/// Returns the separator of fields. A line such as `sep=;`, which spreadsheets write before the header
/// row, sets it and is removed. Otherwise it is the first comma, semicolon or tab of the header row.
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

/// Returns the number of line ends within the fields of a row.
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

/// Parses the header row. Case, spaces, hyphens and underscores in names are ignored.
fn columns(written: &StringRecord) -> Result<Vec<Column>, String> {
    let all = names().collect::<Vec<_>>().join(",");
    let mut columns: Vec<Column> = Vec::with_capacity(written.len());
    for name in written {
        let bare = name.replace([' ', '_', '-', '\u{a0}'], "");
        if bare.is_empty() {
            columns.push(None);
            continue;
        }
        let known = FIELDS.iter().find(|(it, _)| it.eq_ignore_ascii_case(&bare));
        let known = *known.ok_or_else(|| format!("Unknown column {name}: use some of {all}."))?;
        if has(&columns, known.0) {
            return Err(format!("The column {} occurs twice.", known.0));
        }
        columns.push(Some(known));
    }
    if !has(&columns, "title") {
        return Err(format!("The column title is missing: use some of {all}."));
    }
    Ok(columns)
}

fn has(columns: &[Column], name: &str) -> bool {
    columns.iter().flatten().any(|(it, _)| *it == name)
}

fn task(columns: &[Column], fields: &StringRecord) -> Result<TaskRecord, String> {
    let (count, expected) = (fields.len(), columns.len());
    let mut beyond = fields.iter().skip(expected);
    if count < expected || beyond.any(|field| !field.trim().is_empty()) {
        return Err(format!(
            "The row has {count} fields, but the first line has {expected}."
        ));
    }
    let mut task = TaskRecord::default();
    for (at, (column, field)) in columns.iter().zip(fields).enumerate() {
        let word = field.trim();
        match column.map(|(_, field)| field) {
            // Titles and descriptions are not trimmed here.
            Some(Field::Text(of)) if !field.is_empty() => *of(&mut task) = Some(field.to_owned()),
            _ if word.is_empty() => {}
            Some(Field::Word(of) | Field::Text(of)) => *of(&mut task) = Some(word.to_owned()),
            Some(Field::Due(of)) => {
                *of(task.due.get_or_insert_default()) = Some(word.to_owned());
            }
            Some(Field::Version) => task.version = Some(version(word)?),
            Some(Field::Priority) => task.priority = Some(priority(word)?),
            Some(Field::Completed) => task.completed = Some(truth(word)?),
            None => return Err(format!("Field {} has no name in the first line.", at + 1)),
        }
    }
    Ok(task)
}

/// Parses a whole number; spreadsheets may write it as 1.0 or 1,0.
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
