//! A task in a file: converts it from a stored task, and validates it for an import.

use serde::Serialize;

use crate::{
    clock::Timestamp,
    error::FieldError,
    id::TaskId,
    identity::TimeZone,
    tasks::{
        Description, Due, Priority, StoredTask, TaskFields, Title, client_id, due,
        local_date_time::{LocalDate, LocalTime},
        placement,
    },
};

/// The accepted versions. The maximum leaves room for further changes of the task.
const VERSIONS: std::ops::RangeInclusive<i32> = 1..=2_000_000_000;

/// The message for a version outside this range.
pub(super) const WRONG_VERSION: &str = "version: Write a whole number from 1 to 2,000,000,000.";

/// The message for an invalid priority.
pub(super) const WRONG_PRIORITY: &str = "priority: Write NONE, LOW, MEDIUM, HIGH or URGENT.";

/// The accepted timestamps, in milliseconds: the years 1 to 9998, as for dates.
const TIMESTAMP_RANGE: std::ops::Range<i64> = -62_135_596_800_000..253_370_764_800_000;

/// The fields of a task in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskRecord {
    pub(super) id: Option<String>,
    pub(super) version: Option<i32>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    /// Read but not written, because it follows from `completed_at`.
    #[serde(skip)]
    pub(super) completed: Option<bool>,
    /// A timestamp, or a date: a whole day in the user's time zone.
    pub(super) completed_at: Option<String>,
    pub(super) priority: Option<Priority>,
    pub(super) due: Option<DueText>,
    pub(super) position: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) updated_at: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DueText {
    pub(super) date: Option<String>,
    pub(super) time: Option<String>,
    pub(super) time_zone: Option<String>,
}

/// A field of a record; a text field has its accessor.
#[derive(Clone, Copy)]
pub(super) enum Field {
    /// Text without surrounding white space.
    Word(fn(&mut TaskRecord) -> &mut Option<String>),
    Text(fn(&mut TaskRecord) -> &mut Option<String>),
    /// A part of the due date, which is an object in JSON.
    Due(fn(&mut DueText) -> &mut Option<String>),
    Version,
    Priority,
    /// Read but not written.
    Completed,
}

/// The names and the fields of a record, in the order in which they are written.
pub(super) const FIELDS: &[(&str, Field)] = &[
    ("id", Field::Word(|task| &mut task.id)),
    ("version", Field::Version),
    ("title", Field::Text(|task| &mut task.title)),
    ("description", Field::Text(|task| &mut task.description)),
    ("completed", Field::Completed),
    ("completedAt", Field::Word(|task| &mut task.completed_at)),
    ("priority", Field::Priority),
    ("dueDate", Field::Due(|due| &mut due.date)),
    ("dueTime", Field::Due(|due| &mut due.time)),
    ("dueTimeZone", Field::Due(|due| &mut due.time_zone)),
    ("position", Field::Word(|task| &mut task.position)),
    ("createdAt", Field::Word(|task| &mut task.created_at)),
    ("updatedAt", Field::Word(|task| &mut task.updated_at)),
];

/// A valid task of a file.
pub(super) struct ImportedTask {
    pub(super) id: Option<TaskId>,
    version: i32,
    fields: TaskFields,
    completed_at: Option<Timestamp>,
    /// The position; without one the task comes last.
    pub(super) position: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl TaskRecord {
    pub(super) fn of(task: StoredTask) -> Self {
        let text = |moment: Timestamp| moment.to_string();
        let TaskFields {
            title,
            description,
            priority,
            due,
        } = task.fields;
        Self {
            id: Some(task.id.to_string()),
            version: Some(task.version),
            title: Some(title.into_string()),
            description: description.map(Description::into_string),
            completed: None,
            completed_at: task.completed_at.map(text),
            priority: Some(priority),
            due: due.map(|due| DueText {
                date: Some(due.date.0.to_string()),
                time: due.time.map(|time| time.0.to_string()),
                time_zone: due.zone.map(TimeZone::into_string),
            }),
            position: Some(task.position),
            created_at: task.id.created_at().map(text),
            updated_at: Some(text(task.updated_at)),
        }
    }

    /// Parses the record for a user in this time zone; fails with the first error.
    pub(super) fn read(self, now: Timestamp, time_zone: &TimeZone) -> Result<ImportedTask, String> {
        let id = of("id", self.id.map(|id| client_id::parse(&id, now)))?;
        let created_at = moment("createdAt", self.created_at)?;
        if let (Some(id), Some(created_at)) = (id, created_at)
            && id.created_at() != Some(created_at)
        {
            return Err(
                "createdAt: It differs from the time in the id. Remove one of them.".to_owned(),
            );
        }
        if created_at
            .is_some_and(|at| at.as_millis() < 0 || at > now.plus(client_id::MAX_CLOCK_SKEW))
        {
            return Err("createdAt: It must be between 1970 and now.".to_owned());
        }
        let position = self.position;
        if position
            .as_deref()
            .is_some_and(|it| !placement::is_position(it))
        {
            return Err("position: Write a position that Cubby exported, or omit it.".to_owned());
        }
        let version = self.version.unwrap_or(1);
        if !VERSIONS.contains(&version) {
            return Err(WRONG_VERSION.to_owned());
        }
        let updated_at = moment("updatedAt", self.updated_at)?;
        let completed_at = match self.completed_at.as_deref().and_then(LocalDate::read) {
            // The end of the day, as for a due date, but not in the future.
            Some(day) => Some(due::last_of(day.0, time_zone.rules()).min(now)),
            None => moment("completedAt", self.completed_at)?,
        };
        let completed_at = match (self.completed, completed_at) {
            (Some(false), Some(_)) => {
                return Err(
                    "completed: It is false, but completedAt is set. Remove one of them."
                        .to_owned(),
                );
            }
            (Some(true), None) => Some(updated_at.unwrap_or(now)),
            (_, completed_at) => completed_at,
        };
        Ok(ImportedTask {
            id,
            version,
            fields: TaskFields {
                title: parsed("title", Title::parse(&self.title.unwrap_or_default()))?,
                description: of("description", self.description.map(Description::parse))?,
                priority: self.priority.unwrap_or_default(),
                due: self.due.map(DueText::read).transpose()?,
            },
            completed_at,
            position,
            created_at: created_at.or(id.and_then(TaskId::created_at)),
            updated_at,
        })
    }
}

impl DueText {
    fn read(self) -> Result<Due, String> {
        let date = self.date.as_deref().and_then(LocalDate::read);
        let time = self.time.as_deref().map(LocalTime::read);
        let zone = self.time_zone.as_deref().map(TimeZone::named);
        if time.is_none() && zone.is_some() {
            return Err(
                "due: A time zone needs a time of day. Add a time, or remove the time zone."
                    .to_owned(),
            );
        }
        Ok(Due {
            date: date.ok_or("due: Write a date of the years 1 to 9998 such as 2026-11-21.")?,
            time: match time {
                Some(time) => {
                    Some(time.ok_or("due: Write a time of day such as 09:30 or 09:30:00.")?)
                }
                None => None,
            },
            zone: match zone {
                Some(zone) => {
                    Some(zone.ok_or("due: Write an IANA time zone name such as Europe/Vienna.")?)
                }
                None => None,
            },
        })
    }
}

fn parsed<T>(field: &str, read: Result<T, FieldError>) -> Result<T, String> {
    read.map_err(|fault| format!("{field}: {}", fault.into_message()))
}

fn of<T>(field: &str, read: Option<Result<T, FieldError>>) -> Result<Option<T>, String> {
    read.map(|read| parsed(field, read)).transpose()
}

fn moment(field: &str, text: Option<String>) -> Result<Option<Timestamp>, String> {
    let Some(text) = text else {
        return Ok(None);
    };
    let read: Option<Timestamp> = text.parse().ok();
    match read.filter(|at| TIMESTAMP_RANGE.contains(&at.as_millis())) {
        Some(at) => Ok(Some(at)),
        None => Err(format!(
            "{field}: Write a timestamp of the years 1 to 9998 such as 2026-11-21T11:02:18.123Z."
        )),
    }
}

impl ImportedTask {
    /// Returns the task to insert. Its last change is at `now` if the file has no time for it.
    pub(super) fn into_stored(self, id: TaskId, position: String, now: Timestamp) -> StoredTask {
        StoredTask {
            id,
            version: self.version,
            fields: self.fields,
            completed_at: self.completed_at,
            position,
            updated_at: self.updated_at.unwrap_or(now),
        }
    }
}
