//! The manual order: computes the position, a fractional index, of a task that is placed or moved.
//!
//! A position lies between the positions of its neighbours, so that a move writes one row. After many
//! moves into the same gap, positions become long; then some neighbours are rebalanced.

use super::{ActiveModel, Column, Entity, Model, TaskError, TaskResult};
use crate::{
    error::{Error, Result},
    id::TaskId,
    scope::{Direction, Filter, Query, Set, Side, SortKey, SyncError, Viewer},
};
use async_graphql::{Enum, ID, OneofObject};

/// The maximum length of a position. A longer one causes its neighbours to be rebalanced.
const MAX_POSITION_BYTES: usize = 64;

/// The maximum number of neighbours on either side of a gap that are rebalanced.
const MAX_REBALANCED_PER_SIDE: u64 = 25;

/// A place in the manual order. Exactly one field must be given.
#[derive(OneofObject)]
pub(super) enum PlacementInput {
    /// Directly before the task with this id. If the viewer has no such task, or if it is the moved task
    /// itself, the error is `NOT_FOUND`.
    Before(ID),
    /// Directly after the task with this id. If the viewer has no such task, or if it is the moved task
    /// itself, the error is `NOT_FOUND`.
    After(ID),
    /// At the beginning or the end of the list.
    Edge(ListEdge),
}

/// An end of the manual order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum ListEdge {
    /// Before all other tasks.
    First,
    /// After all other tasks.
    Last,
}

/// A place in the manual order, with its id parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// Before this task; `None` is an invalid id, which matches no task.
    Before(Option<TaskId>),
    /// After this task; `None` is an invalid id, which matches no task.
    After(Option<TaskId>),
    Edge(ListEdge),
}

impl From<PlacementInput> for Placement {
    fn from(input: PlacementInput) -> Self {
        match input {
            PlacementInput::Before(id) => Self::Before(id.parse().ok()),
            PlacementInput::After(id) => Self::After(id.parse().ok()),
            PlacementInput::Edge(edge) => Self::Edge(edge),
        }
    }
}

/// A direction in the manual order: towards the first task, or towards the last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Backward,
    Forward,
}

/// Returns the position of a task at this place. Fails with `Unchanged` if the moved task is already
/// there. The caller holds the lock of the change log, so no other write can take the position.
pub(super) async fn position_for(
    viewer: &Viewer,
    placement: Placement,
    moved: Option<&Model>,
) -> TaskResult<String> {
    let siblings = Siblings { viewer, moved };
    let (below, above) = match placement {
        Placement::Edge(ListEdge::First) => (None, siblings.next(None, Step::Forward).await?),
        Placement::Edge(ListEdge::Last) => (siblings.next(None, Step::Backward).await?, None),
        Placement::Before(id) => {
            let above = siblings.one(id).await?;
            (
                siblings.next(Some(&above), Step::Backward).await?,
                Some(above),
            )
        }
        Placement::After(id) => {
            let below = siblings.one(id).await?;
            let above = siblings.next(Some(&below), Step::Forward).await?;
            (Some(below), above)
        }
    };
    if let Some(moved) = moved {
        let place = |task: &Model| (task.position.clone(), task.id);
        let is_below = |task: &Model| place(task) < place(moved);
        if below.as_ref().is_none_or(is_below) && !above.as_ref().is_some_and(is_below) {
            return Err(SyncError::Unchanged(Box::new(moved.clone())).into());
        }
    }
    let position = |task: &Option<Model>| task.as_ref().map(|task| task.position.clone());
    match between(&position(&below), &position(&above)) {
        Some(position) => Ok(position),
        None => Ok(siblings.rebalance(below, above).await?),
    }
}

/// Returns a position between two others. `None` if it is too long, or if the others are equal, as
/// imported ones can be: then their tasks must be rebalanced.
pub(super) fn between(below: &Option<String>, above: &Option<String>) -> Option<String> {
    let position = lexicon_fractional_index::key_between(below, above).ok()?;
    (position.len() <= MAX_POSITION_BYTES).then_some(position)
}

/// True if the text is a valid position: a fractional index of at most [`MAX_POSITION_BYTES`], with
/// room on both sides.
pub(crate) fn is_position(text: &str) -> bool {
    // The library assumes that the text is not empty and has only its own digits.
    let is_of_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // No position exists beyond the outermost integers, and no list is long enough to reach them.
    let has_room = !text.starts_with(['A', 'z']);
    is_of_digits && has_room && text.len() <= MAX_POSITION_BYTES && {
        let position = Some(text.to_owned());
        lexicon_fractional_index::key_between(&position, &None).is_ok()
            && lexicon_fractional_index::key_between(&None, &position).is_ok()
    }
}

/// Returns the last position, or `None` if the viewer has no tasks.
pub(crate) async fn last(viewer: &Viewer) -> Result<Option<String>> {
    let all = Siblings {
        viewer,
        moved: None,
    };
    Ok(all
        .next(None, Step::Backward)
        .await?
        .map(|task| task.position))
}

/// Returns `count` positions after `position`, in ascending order.
pub(crate) fn after(position: &Option<String>, count: usize) -> Result<Vec<String>> {
    let positions = lexicon_fractional_index::n_keys_between(position, &None, count);
    positions.map_err(Error::bug)
}

/// The viewer's tasks without the one that is moved.
struct Siblings<'a> {
    viewer: &'a Viewer,
    moved: Option<&'a Model>,
}

impl Siblings<'_> {
    fn query(&self) -> Query<Entity> {
        Query::filter(match self.moved {
            Some(moved) => Filter::ne(Column::Id, moved.id),
            None => Filter::always(),
        })
    }

    async fn one(&self, id: Option<TaskId>) -> TaskResult<Model> {
        let id = id.ok_or(TaskError::PlacementTargetNotFound)?;
        let one = self.query().and(Filter::eq(Column::Id, id));
        self.viewer
            .find_one(one)
            .await?
            .ok_or(TaskError::PlacementTargetNotFound)
    }

    /// Returns the task that follows `from` in this direction. Without `from`, returns the last task for
    /// `Backward` and the first task for `Forward`.
    async fn next(&self, from: Option<&Model>, way: Step) -> Result<Option<Model>> {
        Ok(self.some(from, way, 1).await?.pop())
    }

    async fn some(&self, from: Option<&Model>, way: Step, count: u64) -> Result<Vec<Model>> {
        let (side, direction) = match way {
            Step::Backward => (Side::Less, Direction::Descending),
            Step::Forward => (Side::Greater, Direction::Ascending),
        };
        let position = || SortKey::column(Column::Position);
        let id = || SortKey::column(Column::Id);
        let mut query = self.query().limit(count);
        if let Some(from) = from {
            query = query.and(Filter::seek(vec![
                (position(), from.position.as_str().into(), side),
                (id(), from.id.into(), side),
            ]));
        }
        let query = query
            .order_by(position(), direction)
            .order_by(id(), direction);
        self.viewer.find_all(query).await
    }

    /// Spreads the positions of a gap's neighbours, and returns a position in the gap.
    async fn rebalance(&self, below: Option<Model>, above: Option<Model>) -> Result<String> {
        // The outermost task on each side stays and bounds the new positions.
        let mut lower = self.beside(below, Step::Backward).await?;
        let mut upper = self.beside(above, Step::Forward).await?;
        let bound = |tasks: &mut Vec<Model>| {
            let is_full = tasks.len() as u64 > MAX_REBALANCED_PER_SIDE;
            is_full
                .then(|| tasks.pop().map(|task| task.position))
                .flatten()
        };
        let (low, high) = (bound(&mut lower), bound(&mut upper));
        lower.reverse();
        let count = lower.len() + 1 + upper.len();
        let positions = lexicon_fractional_index::n_keys_between(&low, &high, count);
        let mut positions = positions.map_err(Error::bug)?;
        let position = positions.remove(lower.len());
        let rows = lower
            .into_iter()
            .chain(upper)
            .zip(positions)
            .filter(|(task, position)| task.position != *position)
            .map(|(task, position)| {
                let mut row = ActiveModel::from(task);
                row.position = Set(position);
                row
            });
        self.viewer
            .update_many_synced::<Entity>(rows.collect(), &[Column::Position])
            .await?;
        Ok(position)
    }

    /// Returns a neighbour of the gap and the tasks beyond it.
    async fn beside(&self, first: Option<Model>, way: Step) -> Result<Vec<Model>> {
        let Some(first) = first else {
            return Ok(Vec::new());
        };
        let seek = self
            .some(Some(&first), way, MAX_REBALANCED_PER_SIDE)
            .await?;
        Ok([vec![first], seek].concat())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn position_is_a_fractional_index_with_room_on_both_sides() {
        for good in [
            "a0",
            "a0V",
            "Zz",
            "b00",
            "Y00",
            "yzzzzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert!(is_position(good), "{good:?}");
        }
        let long = format!("a0{}1", "0".repeat(62));
        let (first, last) = (
            format!("A{}", "0".repeat(26)),
            format!("z{}", "z".repeat(26)),
        );
        for bad in [
            "",
            "a",
            "0",
            "a00",
            "a0é",
            "é",
            "a\u{2028} F",
            "a0!",
            " a0",
            &long,
            &first,
            &last,
        ] {
            assert!(!is_position(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_position_has_valid_neighbours(
            text in prop_oneof!["[A-Za-z0-9]{0,30}", "\\PC{0,8}", "[a-c][0-9a-z]{1,6}", "[X-Z][0-9a-z]{1,6}"],
        ) {
            if is_position(&text) {
                let here = Some(text);
                for (below, above) in [(&here, &None), (&None, &here)] {
                    let next = lexicon_fractional_index::key_between(below, above).unwrap();
                    prop_assert!(is_position(&next), "{next:?}");
                }
                let many = lexicon_fractional_index::n_keys_between(&here, &None, 500).unwrap();
                prop_assert!(many.iter().all(|next| is_position(next)));
            }
        }
    }
}
