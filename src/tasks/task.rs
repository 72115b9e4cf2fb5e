//! The types `Task` and `Due` of the schema. A list reads only the columns that its selection needs.

use async_graphql::{ID, Object};

use super::{
    due::Due,
    entity::{Column, Entity, Model},
    local_date_time::{LocalDate, LocalTime},
    priority::Priority,
};
use crate::{
    clock::Timestamp,
    error::{Error, Nullable, Result},
    id::TaskId,
    identity::TimeZone,
    output,
    pagination::connection::{self, ConnectionNode, FieldNames, ListedRow},
    scope::{self, ChangeBatch, Query, RowError, Viewer, all_columns},
};

/// A task of the viewer, with the columns that were read.
#[derive(Clone)]
pub(crate) struct Task {
    row: Row,
    /// The time of the request.
    now: Timestamp,
}

impl ConnectionNode for Task {
    type Entity = Entity;
    type Row = Row;

    fn of(row: Row, viewer: &Viewer) -> Self {
        Self::new(row, viewer)
    }

    fn row(&self) -> &Row {
        &self.row
    }
}

impl Task {
    pub(super) fn new(row: impl Into<Row>, viewer: &Viewer) -> Self {
        Self::at(viewer.now(), row)
    }

    /// Returns the task as of this time, which decides if it is overdue.
    fn at(now: Timestamp, row: impl Into<Row>) -> Self {
        let row = row.into();
        Self { row, now }
    }

    fn due_date(&self) -> Result<Option<DueDate>> {
        let row = &self.row;
        let due = Due::read(
            row.due_date.as_deref(),
            row.due_time.as_deref(),
            row.due_time_zone.as_deref(),
            row.due_at,
        )?;
        Ok(due.zip(row.due_at).map(|(due, at)| DueDate {
            due,
            at,
            is_overdue: row.completed_at.is_none() && at < self.now,
        }))
    }

    /// Returns the id as the schema shows it.
    pub(crate) fn key(&self) -> ID {
        self.row.id.into()
    }

    /// Adds the changes of tasks to a batch; `node` wraps each task as of this time.
    pub(crate) async fn add_changes<N>(
        changes: &mut ChangeBatch<'_, N>,
        now: Timestamp,
        node: impl Fn(Self) -> N,
    ) -> Result<()> {
        let node = |row| node(Self::at(now, row));
        changes.add::<Entity>(node).await
    }

    /// Returns the viewer's task with this id.
    pub(super) async fn load(viewer: &Viewer, id: TaskId) -> Result<Option<Self>> {
        let task = viewer.load::<Entity>(id).await?;
        Ok(task.map(|task| Self::new(task, viewer)))
    }

    /// Returns the viewer's tasks with these ids; ids of other tasks are skipped.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<TaskId>) -> Result<Vec<Self>> {
        connection::find(viewer, Column::Id, ids, Query::all()).await
    }
}

output::fields! {
    /// A task of the viewer: something to do, with an optional due date and a place in the manual order.
    #[Object]
    impl Task {
        /// The global id, `task_` and 26 characters. It never changes.
        pub(crate) fn id(this) -> ID {
            this.row.id.into()
        }

        /// The version: 1 for a new task, and one more with each committed change. Send it as `ifVersion` to
        /// change the task only if it is still at this version.
        fn version(this) -> i32 {
            this.row.version
        }

        /// The title, 1 to 500 code points, trimmed.
        fn title(this) -> &str {
            &this.row.title
        }

        /// The description, at most 16,384 code points; null if the task has none.
        fn description(this) -> Option<&str> {
            this.row.description.as_deref()
        }

        /// True if the task is completed.
        fn completed(this) -> bool {
            this.row.completed_at.is_some()
        }

        /// The time at which the task was completed; null while the task is open.
        fn completed_at(this) -> Option<Timestamp> {
            this.row.completed_at
        }

        /// The priority; `NONE` unless it was set.
        fn priority(this) -> Priority {
            this.row.priority
        }

        /// The due date; null if the task has none.
        fn due(this) -> Nullable<DueDate> {
            this.due_date().transpose()
        }

        /// The place in the manual order, a fractional index. Compare positions as bytes, and equal ones by
        /// `id`.
        fn position(this) -> &str {
            &this.row.position
        }

        /// The time of creation, which is part of the id: if the client generated the id, by the client's
        /// clock.
        fn created_at(this) -> Result<Timestamp> {
            // Every stored id is a UUIDv7.
            let made_at = this.row.id.created_at();
            made_at.ok_or_else(|| Error::unreadable("task id", this.row.id))
        }

        /// The time of the last change.
        fn updated_at(this) -> Timestamp {
            this.row.updated_at
        }
    }
}

/// A due date with its instant.
pub(crate) struct DueDate {
    due: Due,
    at: Timestamp,
    is_overdue: bool,
}

output::fields! {
    /// The due date of a task. With a date alone, the task is due at the end of that day. With a time too, it
    /// is due at that time of day. Both follow the viewer's time zone. With a time zone as well, it is due at
    /// one instant.
    #[Object(name = "Due")]
    impl DueDate {
        /// The day, such as `2026-11-21`.
        fn date(this) -> LocalDate {
            this.due.date
        }

        /// The time of day, such as `09:30:00`; null if the task is due at the end of the day.
        fn time(this) -> Option<LocalTime> {
            this.due.time
        }

        /// The time zone of `date` and `time`; null if they follow the viewer's time zone.
        fn time_zone(this) -> Option<TimeZone> {
            this.due.zone.clone()
        }

        /// The instant at which the task is due, computed in `timeZone` or, if that is null, in the viewer's
        /// time zone. Without a time, it is the last millisecond of the day. A time that the clocks skip uses
        /// the offset before the gap; of a time that occurs twice, it is the first instant.
        fn at(this) -> Timestamp {
            this.at
        }

        /// True if `at` has passed and the task is not completed.
        fn is_overdue(this) -> bool {
            this.is_overdue
        }
    }
}

/// The columns of a task that the schema shows or orders by. A column that was not read is empty.
#[derive(Clone)]
pub(crate) struct Row {
    pub(super) id: TaskId,
    pub(super) version: i32,
    pub(super) title: String,
    pub(super) title_folded: String,
    pub(super) completed_at: Option<Timestamp>,
    pub(super) priority: Priority,
    pub(super) due_date: Option<String>,
    pub(super) due_time: Option<String>,
    pub(super) due_time_zone: Option<String>,
    pub(super) due_at: Option<Timestamp>,
    pub(super) due_sort: Timestamp,
    pub(super) position: String,
    pub(super) updated_at: Timestamp,
    pub(super) description: Option<String>,
}

impl ListedRow<Entity> for Row {
    fn columns(fields: &FieldNames<'_>) -> Vec<Column> {
        use Column::{
            CompletedAt, Description, DueAt, DueDate, DueTime, DueTimeZone, Id, Position, Priority,
            Title, UpdatedAt, Version,
        };

        let mut columns = Vec::new();
        for field in fields {
            let shown: &[Column] = match *field {
                "id" | "createdAt" => &[Id],
                "version" => &[Version],
                "title" => &[Title],
                "description" => &[Description],
                "completed" | "completedAt" => &[CompletedAt],
                "priority" => &[Priority],
                "due" => &[DueDate, DueTime, DueTimeZone, DueAt, CompletedAt],
                "position" => &[Position],
                "updatedAt" => &[UpdatedAt],
                "__typename" => &[],
                // An unknown field may need any column.
                _ => return all_columns::<Entity>(),
            };
            columns.extend(shown);
        }
        columns
    }

    fn read(result: scope::Row<'_>, columns: &[Column]) -> std::result::Result<Self, RowError> {
        let mut row = Self::empty();
        for (at, column) in columns.iter().enumerate() {
            match column {
                Column::Id => row.id = result.get(at)?,
                Column::Version => row.version = result.get(at)?,
                Column::Title => row.title = result.get(at)?,
                Column::TitleFolded => row.title_folded = result.get(at)?,
                Column::CompletedAt => row.completed_at = result.get(at)?,
                Column::Priority => row.priority = result.get(at)?,
                Column::DueDate => row.due_date = result.get(at)?,
                Column::DueTime => row.due_time = result.get(at)?,
                Column::DueTimeZone => row.due_time_zone = result.get(at)?,
                Column::DueAt => row.due_at = result.get(at)?,
                Column::DueSort => row.due_sort = result.get(at)?,
                Column::Position => row.position = result.get(at)?,
                Column::UpdatedAt => row.updated_at = result.get(at)?,
                Column::Description => row.description = result.get(at)?,
                // The schema does not show these columns.
                Column::UserId | Column::Seq | Column::OriginSessionId => {}
            }
        }
        Ok(row)
    }
}

impl Row {
    fn empty() -> Self {
        let never = Timestamp::from_millis(0);
        Self {
            id: TaskId::min_at(never),
            version: 0,
            title: String::new(),
            title_folded: String::new(),
            completed_at: None,
            priority: Priority::None,
            due_date: None,
            due_time: None,
            due_time_zone: None,
            due_at: None,
            due_sort: never,
            position: String::new(),
            updated_at: never,
            description: None,
        }
    }
}

impl From<Model> for Row {
    fn from(task: Model) -> Self {
        Self {
            id: task.id,
            version: task.version,
            title: task.title,
            title_folded: task.title_folded,
            completed_at: task.completed_at,
            priority: task.priority,
            due_date: task.due_date,
            due_time: task.due_time,
            due_time_zone: task.due_time_zone,
            due_at: task.due_at,
            due_sort: task.due_sort,
            position: task.position,
            updated_at: task.updated_at,
            description: task.description,
        }
    }
}
