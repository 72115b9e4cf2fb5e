//! The manual order: where a task is placed, and the fractional index that says so.
//!
//! A position is between its neighbours', so that a move writes one row. Where many have been placed into
//! the same gap positions become long; then some of the neighbours are spaced anew.

use super::{ActiveModel, Column, Entity, Model, Refusal, note_change};
use crate::{
    error::{Error, Result},
    id::TaskId,
    scope::{Direction, Filter, Query, Set, Side, SortKey, Viewer},
};
use async_graphql::{Enum, ID, OneofObject};

/// How long a position may be, in bytes, before neighbours are spaced anew.
const LONGEST: usize = 64;

/// How many neighbours are spaced anew on either side at most.
const NEIGHBOURS: u64 = 25;

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

/// From the gap on, which way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// The position for a task that is placed there, which may be there already: then there is nothing to do.
/// The caller holds the log's lock, so that nobody else takes it.
pub(super) async fn make_room(
    viewer: &Viewer,
    placement: Placement,
    moved: Option<&Model>,
) -> std::result::Result<String, Refusal> {
    let others = Others { viewer, moved };
    let (below, above) = match placement {
        Placement::Edge(ListEdge::First) => (None, others.next(None, Way::Down).await?),
        Placement::Edge(ListEdge::Last) => (others.next(None, Way::Up).await?, None),
        Placement::Before(id) => {
            let above = others.one(id).await?;
            (others.next(Some(&above), Way::Up).await?, Some(above))
        }
        Placement::After(id) => {
            let below = others.one(id).await?;
            let above = others.next(Some(&below), Way::Down).await?;
            (Some(below), above)
        }
    };
    if let Some(moved) = moved {
        let place = |task: &Model| (task.position.clone(), task.id);
        let is_below = |task: &Model| place(task) < place(moved);
        if below.as_ref().is_none_or(is_below) && !above.as_ref().is_some_and(is_below) {
            return Err(Refusal::Unchanged(Box::new(moved.clone())));
        }
    }
    let position = |task: &Option<Model>| task.as_ref().map(|task| task.position.clone());
    match lexicon_fractional_index::key_between(&position(&below), &position(&above)) {
        Ok(position) if position.len() <= LONGEST => Ok(position),
        // Too long; or two have the same one, as what was imported may.
        _ => Ok(others.space_anew(below, above).await?),
    }
}

/// Whether a position can be one: a fractional index, of the length that one may have, with room on either side.
pub(crate) fn is_position(text: &str) -> bool {
    // The library takes it for granted that there are digits, and that all are its own.
    let is_of_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // Beyond the outermost integers there is no other, and no list is long enough to get there.
    let has_room = !text.starts_with(['A', 'z']);
    is_of_digits && has_room && text.len() <= LONGEST && {
        let position = Some(text.to_owned());
        lexicon_fractional_index::key_between(&position, &None).is_ok()
            && lexicon_fractional_index::key_between(&None, &position).is_ok()
    }
}

/// The last position; nothing while there is no task.
pub(crate) async fn last(viewer: &Viewer) -> Result<Option<String>> {
    let all = Others {
        viewer,
        moved: None,
    };
    Ok(all.next(None, Way::Up).await?.map(|task| task.position))
}

/// So many positions after one, in their order.
pub(crate) fn after(position: &Option<String>, count: usize) -> Result<Vec<String>> {
    let positions = lexicon_fractional_index::n_keys_between(position, &None, count);
    positions.map_err(Error::bug)
}

/// The viewer's tasks but the one that is moved.
struct Others<'a> {
    viewer: &'a Viewer,
    moved: Option<&'a Model>,
}

impl Others<'_> {
    fn query(&self) -> Query<Entity> {
        Query::filter(match self.moved {
            Some(moved) => Filter::ne(Column::Id, moved.id),
            None => Filter::always(),
        })
    }

    async fn one(&self, id: Option<TaskId>) -> std::result::Result<Model, Refusal> {
        let id = id.ok_or(Refusal::NoNeighbour)?;
        let one = self.query().and(Filter::eq(Column::Id, id));
        self.viewer.find_one(one).await?.ok_or(Refusal::NoNeighbour)
    }

    /// The next one from there on; `Down` is towards the last. From nowhere it is the first one that
    /// comes from that end.
    async fn next(&self, from: Option<&Model>, way: Way) -> Result<Option<Model>> {
        Ok(self.some(from, way, 1).await?.pop())
    }

    async fn some(&self, from: Option<&Model>, way: Way, count: u64) -> Result<Vec<Model>> {
        let (side, direction) = match way {
            Way::Up => (Side::Less, Direction::Descending),
            Way::Down => (Side::Greater, Direction::Ascending),
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
    async fn space_anew(&self, below: Option<Model>, above: Option<Model>) -> Result<String> {
        // One more on either side stays where it is.
        let mut lower = self.beside(below, Way::Up).await?;
        let mut upper = self.beside(above, Way::Down).await?;
        let bound = |tasks: &mut Vec<Model>| {
            let is_full = tasks.len() as u64 > NEIGHBOURS;
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
        let moved: Vec<(Model, String)> = lower
            .into_iter()
            .chain(upper)
            .zip(positions)
            .filter(|(task, position)| task.position != *position)
            .collect();
        let seqs = self.viewer.take_seqs(moved.len()).await?;
        let rows = moved.into_iter().zip(seqs);
        let rows = rows.map(|((task, position), seq)| {
            let mut row = ActiveModel {
                id: Set(task.id),
                position: Set(position),
                ..Default::default()
            };
            note_change(&mut row, self.viewer, task.version, seq);
            row
        });
        let written = [
            Column::Position,
            Column::Version,
            Column::Seq,
            Column::OriginSessionId,
            Column::UpdatedAt,
        ];
        self.viewer.rewrite(rows.collect(), &written).await?;
        Ok(position)
    }

    /// A neighbour of the gap and those beyond it.
    async fn beside(&self, first: Option<Model>, way: Way) -> Result<Vec<Model>> {
        let Some(first) = first else {
            return Ok(Vec::new());
        };
        let beyond = self.some(Some(&first), way, NEIGHBOURS).await?;
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
