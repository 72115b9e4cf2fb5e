//! The manual order: where a task is placed, and the fractional index that says so.
//!
//! A position is between its neighbours', so that a move writes one row. Where many have been placed into
//! the same gap positions become long; then some of the neighbours are rebalanced.

use super::{ActiveModel, Column, Entity, Model, TaskError, TaskResult};
use crate::{
    error::{Error, Result},
    id::TaskId,
    scope::{Direction, Filter, Query, Set, Side, SortKey, SyncError, Viewer},
};
use async_graphql::{Enum, ID, OneofObject};

/// The maximum length of a position; a longer one has its neighbours rebalanced.
const MAX_POSITION_BYTES: usize = 64;

/// The maximum number of neighbours on either side of a gap that are rebalanced.
const MAX_REBALANCED_PER_SIDE: u64 = 25;

/// Where a task is placed.
#[derive(OneofObject)]
pub(super) enum PlacementInput {
    /// Right before this task.
    Before(ID),
    /// Right after this task.
    After(ID),
    /// At an end of the list.
    Edge(ListEdge),
}

/// An end of the manual order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum ListEdge {
    First,
    Last,
}

/// Where a task is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// What is no task's id is beside no task.
    Before(Option<TaskId>),
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

/// The way from a gap: towards the first task, or towards the last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Backward,
    Forward,
}

/// The position for a task that is placed there, which may be there already: then there is nothing to do.
/// The caller holds the log's lock, so that nobody else takes it.
pub(super) async fn position_for(
    viewer: &Viewer,
    placement: Placement,
    moved: Option<&Model>,
) -> TaskResult<String> {
    let siblings = Siblings { viewer, moved };
    let (below, above) = match placement {
        Placement::Edge(ListEdge::First) => (None, siblings.next(None, Way::Forward).await?),
        Placement::Edge(ListEdge::Last) => (siblings.next(None, Way::Backward).await?, None),
        Placement::Before(id) => {
            let above = siblings.one(id).await?;
            (
                siblings.next(Some(&above), Way::Backward).await?,
                Some(above),
            )
        }
        Placement::After(id) => {
            let below = siblings.one(id).await?;
            let above = siblings.next(Some(&below), Way::Forward).await?;
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
    match lexicon_fractional_index::key_between(&position(&below), &position(&above)) {
        Ok(position) if position.len() <= MAX_POSITION_BYTES => Ok(position),
        // Too long; or two have the same one, as what was imported may.
        _ => Ok(siblings.rebalance(below, above).await?),
    }
}

/// Whether a position can be one: a fractional index, of the length that one may have, with room on either side.
pub(crate) fn is_position(text: &str) -> bool {
    // The library takes it for granted that there are digits, and that all are its own.
    let is_of_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // Beyond the outermost integers there is no other, and no list is long enough to get there.
    let has_room = !text.starts_with(['A', 'z']);
    is_of_digits && has_room && text.len() <= MAX_POSITION_BYTES && {
        let position = Some(text.to_owned());
        lexicon_fractional_index::key_between(&position, &None).is_ok()
            && lexicon_fractional_index::key_between(&None, &position).is_ok()
    }
}

/// The last position; nothing while there is no task.
pub(crate) async fn last(viewer: &Viewer) -> Result<Option<String>> {
    let all = Siblings {
        viewer,
        moved: None,
    };
    Ok(all
        .next(None, Way::Backward)
        .await?
        .map(|task| task.position))
}

/// So many positions after one, in their order.
pub(crate) fn after(position: &Option<String>, count: usize) -> Result<Vec<String>> {
    let positions = lexicon_fractional_index::n_keys_between(position, &None, count);
    positions.map_err(Error::bug)
}

/// The viewer's tasks but the one that is moved.
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

    /// The next one from there on; `Forward` is towards the last. From nowhere it is the first one that
    /// comes from that end.
    async fn next(&self, from: Option<&Model>, way: Way) -> Result<Option<Model>> {
        Ok(self.some(from, way, 1).await?.pop())
    }

    async fn some(&self, from: Option<&Model>, way: Way, count: u64) -> Result<Vec<Model>> {
        let (side, direction) = match way {
            Way::Backward => (Side::Less, Direction::Descending),
            Way::Forward => (Side::Greater, Direction::Ascending),
        };
        let position = || SortKey::column(Column::Position);
        let id = || SortKey::column(Column::Id);
        let mut query = self.query().limit(count);
        if let Some(from) = from {
            query = query.and(Filter::beyond(vec![
                (position(), from.position.as_str().into(), side),
                (id(), from.id.into(), side),
            ]));
        }
        let query = query
            .order_by(position(), direction)
            .order_by(id(), direction);
        self.viewer.find_all(query).await
    }

    /// Gives the neighbours of a gap other positions, and the gap one between them.
    async fn rebalance(&self, below: Option<Model>, above: Option<Model>) -> Result<String> {
        // One more on either side stays where it is.
        let mut lower = self.beside(below, Way::Backward).await?;
        let mut upper = self.beside(above, Way::Forward).await?;
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

    /// A neighbour of the gap and those beyond it.
    async fn beside(&self, first: Option<Model>, way: Way) -> Result<Vec<Model>> {
        let Some(first) = first else {
            return Ok(Vec::new());
        };
        let beyond = self
            .some(Some(&first), way, MAX_REBALANCED_PER_SIDE)
            .await?;
        Ok([vec![first], beyond].concat())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_position_is_a_fractional_index_with_room_on_either_side() {
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
        fn whatever_is_a_position_can_be_gone_on_from(
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
