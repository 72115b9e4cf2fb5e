//! Tasks as JSON: writes an array with one task per line, and reads arrays and sequences of objects.

use std::{
    fmt,
    io::{self, BufRead, Write},
};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    ParsedTask, Sink, TaskRecord,
    limited_reader::{LimitedReader, TOO_LONG},
    task_record::{DueText, FIELDS, Field, WRONG_PRIORITY, WRONG_VERSION},
};

/// The name of the field with the due date, which is an object in JSON.
const DUE: &str = "due";

/// The GraphQL type name, which a task from a query may have. It is ignored.
const TYPE_NAME: &str = "__typename";

/// The fields of an object, with unparsed values.
struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Deserialize<'a> for Object<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'a> Visitor<'a> for Fields {
            type Value = Object<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Object<'a>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl<'a> Object<'a> {
    /// Returns the value of a field, or `None` if it is null or missing.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        let field = self.0.iter().find(|(it, _)| it == name);
        field
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    /// Fails if a field is unknown, or if two fields have the same name.
    fn check_names(&self) -> Result<(), String> {
        let mut known: Vec<_> = FIELDS
            .iter()
            .map(|(name, field)| match field {
                Field::Due(_) => DUE,
                _ => name,
            })
            .collect();
        known.dedup();
        known.insert(0, TYPE_NAME);
        for (at, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = known.join("`, `");
                return Err(format!("unknown field `{name}`, expected one of `{known}`"));
            }
            if self.0[..at].iter().any(|(other, _)| other == name) {
                return Err(format!("duplicate field `{name}`"));
            }
        }
        Ok(())
    }
}

/// A due date with the fields of the schema's `Due`. The ignored fields follow from the others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DueFields<'a> {
    #[serde(rename = "__typename")]
    _typename: Option<IgnoredAny>,
    #[serde(borrow)]
    date: Option<&'a RawValue>,
    time: Option<&'a RawValue>,
    time_zone: Option<&'a RawValue>,
    #[serde(rename = "at")]
    _at: Option<IgnoredAny>,
    #[serde(rename = "isOverdue")]
    _is_overdue: Option<IgnoredAny>,
}

pub(super) struct Writer<'a> {
    file: &'a mut (dyn Write + Send),
    is_first: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(file: &'a mut (dyn Write + Send)) -> Self {
        Self {
            file,
            is_first: true,
        }
    }
}

impl Sink for Writer<'_> {
    fn write(&mut self, task: TaskRecord) -> io::Result<()> {
        let before: &[u8] = if self.is_first { b"[\n" } else { b",\n" };
        self.is_first = false;
        self.file.write_all(before)?;
        Ok(serde_json::to_writer(&mut *self.file, &task)?)
    }

    fn end(self: Box<Self>) -> io::Result<()> {
        let end: &[u8] = if self.is_first { b"[]\n" } else { b"\n]\n" };
        self.file.write_all(end)
    }
}

/// Reads an array of objects, or one object after another.
pub(super) struct Reader<R> {
    file: LimitedReader<R>,
    place: Place,
}

/// The place of the reader in the file.
#[derive(Clone, Copy)]
enum Place {
    Start,
    /// In an array.
    Array,
    /// After a task outside an array.
    Sequence,
    End,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file: LimitedReader::new(file),
            place: Place::Start,
        }
    }

    /// Skips to the beginning of the next task. Returns false at the end of the file.
    fn advance(&mut self) -> io::Result<Result<bool, &'static str>> {
        let between = self.file.peek()?;
        match (self.place, between) {
            (Place::End, _) | (Place::Start | Place::Sequence, None) => return Ok(Ok(false)),
            (Place::Start, Some(b'[')) => {
                self.place = Place::Array;
                self.file.skip();
            }
            (Place::Start, Some(b'{')) => self.place = Place::Sequence,
            (Place::Start, Some(_)) => {
                return Ok(Err("Write an array of tasks, or choose another --format."));
            }
            (Place::Array, Some(b',')) => self.file.skip(),
            (Place::Array, Some(b']') | None) | (Place::Sequence, Some(_)) => {}
            (Place::Array, Some(_)) => return Ok(Err("A comma is missing between two tasks.")),
        }
        Ok(match (self.place, self.file.peek()?) {
            (_, Some(b'{')) => Ok(true),
            (Place::Array, Some(b']')) if between == Some(b',') => {
                Err("A task is missing after the comma.")
            }
            (Place::Array, Some(b']')) => {
                self.place = Place::End;
                self.file.skip();
                match self.file.peek()? {
                    None => Ok(false),
                    Some(_) => Err("Nothing may follow the array: remove the rest of the file."),
                }
            }
            (_, None) => Err("The closing ] is missing: the file is incomplete."),
            (_, Some(_)) => Err("Write each task as an object."),
        })
    }

    fn read(&mut self) -> io::Result<Option<ParsedTask>> {
        let task = match self.advance()? {
            Ok(false) => return Ok(None),
            Ok(true) => {
                let line = self.file.line();
                self.file.begin();
                let mut object = serde_json::Deserializer::from_reader(&mut self.file);
                match Box::<RawValue>::deserialize(&mut object) {
                    Ok(object) => return Ok(Some(ParsedTask::new(line, read(object.get())))),
                    Err(error) if error.is_io() => return Err(error.into()),
                    Err(_) if self.file.is_exceeded() => Err(TOO_LONG.to_owned()),
                    Err(error) => Err(without_place(&error)),
                }
            }
            Err(wrong) => Err(wrong.to_owned()),
        };
        // After a syntax error, the beginning of the next task is unknown.
        self.place = Place::End;
        Ok(Some(ParsedTask::new(self.file.line(), task)))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<ParsedTask>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn read(object: &str) -> Result<TaskRecord, String> {
    let fields: Object<'_> = serde_json::from_str(object).map_err(|error| without_place(&error))?;
    fields.check_names()?;
    let mut task = TaskRecord::default();
    for &(name, field) in FIELDS {
        let written = fields.get(name);
        match field {
            Field::Word(of) | Field::Text(of) => *of(&mut task) = text(name, written)?,
            Field::Version => task.version = version(written)?,
            Field::Priority => task.priority = value(written).ok_or(WRONG_PRIORITY)?,
            Field::Completed => {
                task.completed = value(written).ok_or("completed: Write true or false.")?;
            }
            Field::Due(_) => {}
        }
    }
    task.due = fields.get(DUE).map(due).transpose()?;
    Ok(task)
}

fn due(object: &RawValue) -> Result<DueText, String> {
    if !object.get().starts_with('{') {
        return Err("due: Write an object such as {\"date\":\"2026-11-21\"}.".to_owned());
    }
    let fields: DueFields<'_> = serde_json::from_str(object.get())
        .map_err(|error| format!("due: {}", without_place(&error)))?;
    Ok(DueText {
        date: text("due.date", fields.date)?,
        time: text("due.time", fields.time)?,
        time_zone: text("due.timeZone", fields.time_zone)?,
    })
}

fn text(name: &str, field: Option<&RawValue>) -> Result<Option<String>, String> {
    value(field).ok_or_else(|| format!("{name}: Write a string in quotation marks."))
}

/// Parses a whole number; 1.0 is accepted as 1.
fn version(field: Option<&RawValue>) -> Result<Option<i32>, String> {
    let number: Option<f64> = value(field).ok_or(WRONG_VERSION)?;
    let whole = number.map(|it| it.to_string().parse()).transpose();
    whole.map_err(|_| WRONG_VERSION.to_owned())
}

/// Parses the value of a field: `Some(None)` if the field is missing, `None` if it has another type.
fn value<'a, T: Deserialize<'a>>(field: Option<&'a RawValue>) -> Option<Option<T>> {
    field
        .map(|field| serde_json::from_str(field.get()).ok())
        .map_or(Some(None), |value| value.map(Some))
}

/// Returns the message without its line, which is relative to the object.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let end = said.find(" at line ").unwrap_or(said.len());
    said[..end].to_owned()
}
