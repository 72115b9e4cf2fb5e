//! Sort orders of lists of tasks, and the cost of those without an index.

use super::{Column, Entity, due::NO_DUE_TIME, filter::TaskFilter, scan, task::Row};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
    pagination::keyset::{Key, KeyFn, Keyset},
    scope::SortKey,
};
use async_graphql::{Enum, InputObject};

/// The maximum number of sort keys of a list.
const MAX_KEYS: usize = 7;

/// A sort key. Tasks that are equal in all sort keys are ordered by id, in the direction of the last
/// key.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct TaskOrder {
    /// The property of a task to compare.
    field: TaskOrderField,
    /// The direction; `ASC` if omitted.
    #[graphql(default)]
    direction: OrderDirection,
    /// The place of tasks without a value, in either direction; `LAST` if omitted.
    #[graphql(default)]
    nulls: NullsOrder,
}

/// A property by which tasks are sorted. `POSITION` or `CREATED_AT` alone costs the least: an index has
/// the order. Most other orders sort all matching tasks, which costs points for each task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum TaskOrderField {
    /// The manual order, which `moveTask` changes.
    Position,
    /// The time of creation.
    CreatedAt,
    /// The time of the last change.
    UpdatedAt,
    /// The time of completion. `nulls` places the open tasks.
    CompletedAt,
    /// The instant at which a task is due. `nulls` places the tasks without a due date.
    Due,
    /// The priority, ascending from `NONE` to `URGENT`.
    Priority,
    /// The title, compared by code point after case folding.
    Title,
}

/// The direction of a sort key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(crate) enum OrderDirection {
    /// Ascending: the smallest, earliest or lowest value first.
    #[default]
    Asc,
    /// Descending: the largest, latest or highest value first.
    Desc,
}

/// The place of tasks without a value of a sort key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(crate) enum NullsOrder {
    /// Before all tasks with a value.
    First,
    /// After all tasks with a value.
    #[default]
    Last,
}

/// Returns the keyset for these sort keys, by default newest first. Its cursors are valid only with
/// this filter.
pub(super) fn keyset(
    order: &[TaskOrder],
    filter: Option<&TaskFilter>,
) -> Result<Keyset<Entity, Row>> {
    const NEWEST: [TaskOrder; 1] = [TaskOrder {
        field: TaskOrderField::CreatedAt,
        direction: OrderDirection::Desc,
        nulls: NullsOrder::Last,
    }];
    let order = if order.is_empty() { &NEWEST } else { order };
    if order.len() > MAX_KEYS {
        return Err(Error::BadUserInput(format!(
            "A list can be ordered by at most {MAX_KEYS} fields. Remove some."
        )));
    }
    let mut keys = Vec::new();
    for by in order {
        keys.extend(by.keys());
    }
    let is_total = order.iter().any(|by| by.field == TaskOrderField::CreatedAt);
    let is_descending = keys.last().is_some_and(|key| key.is_descending);
    if !is_total {
        keys.push(by_id(is_descending));
    }
    Ok(Keyset::new(keys, &format!("{order:?} {filter:?}")))
}

/// Returns the work per task of sorting all tasks in this order, as [`scan`] counts it: 0 if an index
/// has the order.
pub(super) fn work(order: &[TaskOrder]) -> u64 {
    match order {
        [] => 0,
        [by] if by.has_index() => 0,
        _ => scan::SORT + scan::COMPARISON * order.len() as u64,
    }
}

/// Returns the key of the id, which orders by creation time: a UUIDv7 begins with it.
fn by_id(is_descending: bool) -> Key<Entity, Row> {
    Key {
        column: Column::Id,
        sort: SortKey::column(Column::Id),
        is_descending,
        of: KeyFn::Id(|task| task.id.into()),
    }
}

impl TaskOrder {
    fn keys(self) -> Vec<Key<Entity, Row>> {
        match self.field {
            TaskOrderField::CreatedAt => vec![by_id(self.is_descending())],
            TaskOrderField::Position => {
                vec![self.key(Column::Position, KeyFn::Text(|task| task.position.clone()))]
            }
            TaskOrderField::UpdatedAt => {
                let of = KeyFn::Number(|task: &Row| task.updated_at.as_millis());
                vec![self.key(Column::UpdatedAt, of)]
            }
            TaskOrderField::Priority => {
                vec![self.key(Column::Priority, KeyFn::Number(|task| task.priority as i64))]
            }
            TaskOrderField::Title => {
                vec![self.key(
                    Column::TitleFolded,
                    KeyFn::Text(|task| task.title_folded.clone()),
                )]
            }
            TaskOrderField::Due => {
                let due = self.key(
                    Column::DueSort,
                    KeyFn::Number(|task| task.due_sort.as_millis()),
                );
                // The sort value of a task without a due date is later than every date.
                if self.has_index() {
                    return vec![due];
                }
                let is_never = SortKey::equals(Column::DueSort, NO_DUE_TIME);
                let never = self.nulls(Column::DueSort, is_never, |task| {
                    (task.due_sort == NO_DUE_TIME).into()
                });
                vec![never, due]
            }
            TaskOrderField::CompletedAt => {
                let column = Column::CompletedAt;
                let of =
                    KeyFn::Number(|task: &Row| task.completed_at.map_or(0, Timestamp::as_millis));
                let at = Key {
                    sort: SortKey::column_or(column, 0_i64),
                    ..self.key(column, of)
                };
                let none = |task: &Row| task.completed_at.is_none().into();
                vec![self.nulls(column, SortKey::is_null(column), none), at]
            }
        }
    }

    /// True if an index of the database has this order.
    fn has_index(self) -> bool {
        match self.field {
            TaskOrderField::CreatedAt | TaskOrderField::Position => true,
            TaskOrderField::Due => self.is_descending() == (self.nulls == NullsOrder::First),
            _ => false,
        }
    }

    fn is_descending(self) -> bool {
        self.direction == OrderDirection::Desc
    }

    /// Returns the key that compares the column's own values.
    fn key(self, column: Column, of: KeyFn<Row>) -> Key<Entity, Row> {
        Key {
            column,
            sort: SortKey::column(column),
            is_descending: self.is_descending(),
            of,
        }
    }

    /// Returns the key that places the tasks without a value before or after the others.
    fn nulls(
        self,
        column: Column,
        is_null: SortKey<Entity>,
        of: fn(&Row) -> i64,
    ) -> Key<Entity, Row> {
        Key {
            column,
            sort: is_null,
            is_descending: self.nulls == NullsOrder::First,
            of: KeyFn::Number(of),
        }
    }
}
