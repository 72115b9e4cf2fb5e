//! The orders of a list of tasks.

use super::{Column, Entity, due::NEVER, filter::TaskFilter, scan, task::Row};
use crate::{
    clock::Timestamp,
    error::{Error, Result},
    pagination::keyset::{Key, Keyset, Of},
    scope::SortKey,
};
use async_graphql::{Enum, InputObject};

/// How many things a list is ordered by at most.
const MAX_KEYS: usize = 7;

/// What a list is ordered by. The id comes last by itself, so that every order is total.
#[derive(Clone, Copy, Debug, InputObject)]
pub(crate) struct TaskOrder {
    field: TaskOrderField,
    #[graphql(default)]
    direction: OrderDirection,
    /// Where those are that have no such value, whatever the direction.
    #[graphql(default)]
    nulls: NullsOrder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum TaskOrderField {
    /// The manual order.
    Position,
    CreatedAt,
    UpdatedAt,
    CompletedAt,
    Due,
    /// From `NONE` to `URGENT`.
    Priority,
    /// By the code points of what is left when case is folded.
    Title,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(crate) enum OrderDirection {
    #[default]
    Asc,
    Desc,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(crate) enum NullsOrder {
    First,
    #[default]
    Last,
}

/// The order that is asked for, newest first when none is, of the tasks that pass the filter.
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
            "A list is ordered by at most {MAX_KEYS} things. Leave some out."
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

/// The work on one task of putting all in this order, as [`scan`] counts it: none when an index has it.
pub(super) fn work(order: &[TaskOrder]) -> u64 {
    match order {
        [] => 0,
        [by] if by.has_index() => 0,
        _ => scan::SORT + scan::COMPARISON * order.len() as u64,
    }
}

/// The id says when a task was made.
fn by_id(is_descending: bool) -> Key<Entity, Row> {
    Key {
        column: Column::Id,
        sort: SortKey::column(Column::Id),
        is_descending,
        of: Of::Id(|task| task.id.into()),
    }
}

impl TaskOrder {
    fn keys(self) -> Vec<Key<Entity, Row>> {
        match self.field {
            TaskOrderField::CreatedAt => vec![by_id(self.is_descending())],
            TaskOrderField::Position => {
                vec![self.key(Column::Position, Of::Text(|task| task.position.clone()))]
            }
            TaskOrderField::UpdatedAt => {
                let of = Of::Number(|task: &Row| task.updated_at.as_millis());
                vec![self.key(Column::UpdatedAt, of)]
            }
            TaskOrderField::Priority => {
                vec![self.key(Column::Priority, Of::Number(|task| task.priority as i64))]
            }
            TaskOrderField::Title => {
                vec![self.key(
                    Column::TitleFolded,
                    Of::Text(|task| task.title_folded.clone()),
                )]
            }
            TaskOrderField::Due => {
                let due = self.key(
                    Column::DueSort,
                    Of::Number(|task| task.due_sort.as_millis()),
                );
                // The key of what is never due is past every date already.
                if self.has_index() {
                    return vec![due];
                }
                let is_never = SortKey::equals(Column::DueSort, NEVER);
                let never = self.nulls(Column::DueSort, is_never, |task| {
                    (task.due_sort == NEVER).into()
                });
                vec![never, due]
            }
            TaskOrderField::CompletedAt => {
                let column = Column::CompletedAt;
                let of = Of::Number(|task: &Row| task.completed_at.map_or(0, Timestamp::as_millis));
                let at = Key {
                    sort: SortKey::column_or(column, 0_i64),
                    ..self.key(column, of)
                };
                let none = |task: &Row| task.completed_at.is_none().into();
                vec![self.nulls(column, SortKey::is_null(column), none), at]
            }
        }
    }

    /// Whether the database keeps the tasks in this order.
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

    /// The column as it is.
    fn key(self, column: Column, of: Of<Row>) -> Key<Entity, Row> {
        Key {
            column,
            sort: SortKey::column(column),
            is_descending: self.is_descending(),
            of,
        }
    }

    /// Those that have no such value apart, before the others or after them.
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
            of: Of::Number(of),
        }
    }
}
