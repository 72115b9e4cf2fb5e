//! A task as far as it is read: a list reads the columns that its selection shows, and no others.

use super::{Column, Entity, Model, Priority};
use crate::{
    clock::Timestamp,
    id::TaskId,
    pagination::connection::{Fields, ListedRow},
    scope::{self, RowError},
};

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
                _ => return scope::all_columns::<Entity>(),
            };
            columns.extend(shown);
        }
        columns
    }

    fn read(result: scope::Row<'_>, columns: &[Column]) -> Result<Self, RowError> {
        let mut row = Self::unread();
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
    fn unread() -> Self {
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
