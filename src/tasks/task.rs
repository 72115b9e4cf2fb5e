//! A task as the schema shows it, as far as it is read: a list reads the columns that its selection shows, and no others.

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
    pagination::connection::{self, Fields, Listed, ListedRow},
    scope::{self, ChangeBatch, Query, RowError, Viewer, all_columns},
};

/// Something to do.
#[derive(Clone)]
pub(crate) struct Task {
    row: Row,
    /// The moment of the request.
    now: Timestamp,
}

impl Listed for Task {
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

    /// The task as it is shown at this moment.
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

    /// Its id, as it is asked for by.
    pub(crate) fn key(&self) -> ID {
        self.row.id.into()
    }

    /// Adds the changes of tasks to a batch, as `node` shows a task at this moment.
    pub(crate) async fn add_changes<N>(
        changes: &mut ChangeBatch<'_, N>,
        now: Timestamp,
        node: impl Fn(Self) -> N,
    ) -> Result<()> {
        let node = |row| node(Self::at(now, row));
        changes.add::<Entity>(node).await
    }

    /// The viewer's task with this id.
    pub(super) async fn load(viewer: &Viewer, id: TaskId) -> Result<Option<Self>> {
        let task = viewer.load::<Entity>(id).await?;
        Ok(task.map(|task| Self::new(task, viewer)))
    }

    /// Those of the viewer's tasks that have one of these ids.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<TaskId>) -> Result<Vec<Self>> {
        connection::find(viewer, Column::Id, ids, Query::all()).await
    }
}

/// Something to do.
#[Object]
impl Task {
    /// Stable and global: `task_` and 26 characters.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// Starts at 1, one more with every committed change. Hand it back as `ifVersion`.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// 1 to 500 code points.
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// At most 16,384 code points.
    async fn description(&self) -> Option<&str> {
        self.row.description.as_deref()
    }

    /// Whether it is done.
    async fn completed(&self) -> bool {
        self.row.completed_at.is_some()
    }

    /// When it was done; null while it is not.
    async fn completed_at(&self) -> Option<Timestamp> {
        self.row.completed_at
    }

    /// How urgent it is.
    async fn priority(&self) -> Priority {
        self.row.priority
    }

    /// When it is to be done by; null when nobody said.
    async fn due(&self) -> Nullable<DueDate> {
        self.due_date().transpose()
    }

    /// A fractional index; compare as bytes, ties by id.
    async fn position(&self) -> &str {
        &self.row.position
    }

    /// When it was made; a client that minted the id said when.
    async fn created_at(&self) -> Result<Timestamp> {
        // Every id that is stored is of version 7.
        let made_at = self.row.id.made_at();
        made_at.ok_or_else(|| Error::unreadable("task id", self.row.id))
    }

    /// When it last changed.
    async fn updated_at(&self) -> Timestamp {
        self.row.updated_at
    }
}

/// When a task is to be done by. A date alone is all day. With a time it is that time of day wherever the
/// viewer is. With a time zone too it is one instant.
pub(crate) struct DueDate {
    due: Due,
    at: Timestamp,
    is_overdue: bool,
}

/// When a task is to be done by. A date alone is all day. With a time it is that time of day wherever the
/// viewer is. With a time zone too it is one instant.
#[Object(name = "Due")]
impl DueDate {
    /// The day.
    async fn date(&self) -> LocalDate {
        self.due.date
    }

    /// The time of day; null when it is all day.
    async fn time(&self) -> Option<LocalTime> {
        self.due.time
    }

    /// Where that is the time; null when it is wherever the viewer is.
    async fn time_zone(&self) -> Option<TimeZone> {
        self.due.zone.clone()
    }

    /// The instant, in the viewer's time zone where none is given; of a whole day its last millisecond.
    /// A time that a change of clocks leaves out is counted by the offset before it, and of one that
    /// comes twice it is the first.
    async fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether it has passed and the task is not done.
    async fn is_overdue(&self) -> bool {
        self.is_overdue
    }
}

/// What is shown of a task and what it is ordered by; of a column that was not read it is empty.
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
    fn columns(fields: &Fields<'_>) -> Vec<Column> {
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
                // What is not known here may show anything.
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
                // Nothing shows them.
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
            id: TaskId::earliest(never),
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
