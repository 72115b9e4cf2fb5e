//! Orders of a list, and the cursors by which its pages follow each other: a cursor says what the order
//! is by at its place, and a page begins beyond that, whatever has come and gone meanwhile.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    scope::{Direction, Filter, Owned, Query, Side, SortKey, Value},
};

/// How much of a digest tells one order from another.
const NAME_BYTES: usize = 6;

/// What a list is ordered by, first things first. The last key is another for every row, so that the order
/// is total.
pub(crate) struct Keyset<E: Owned, R> {
    keys: Vec<Key<E, R>>,
    /// Tells it from other orders of the same list, and of the list otherwise filtered.
    name: String,
}

/// One thing that a list is ordered by. It is never null.
pub(crate) struct Key<E: Owned, R> {
    /// What it is made of.
    pub(crate) column: E::Column,
    pub(crate) sort: SortKey<E>,
    pub(crate) is_descending: bool,
    /// What it is of a row.
    pub(crate) of: Of<R>,
}

/// What a key is of a row, by its kind: a cursor holds nothing of another kind.
#[derive(Clone, Copy)]
pub(crate) enum Of<R> {
    Number(fn(&R) -> i64),
    Id(fn(&R) -> Uuid),
    Text(fn(&R) -> String),
}

impl<R> Of<R> {
    fn part(&self, row: &R) -> Part {
        match self {
            Self::Number(of) => Part::Number(of(row)),
            Self::Id(of) => Part::Id(of(row)),
            Self::Text(of) => Part::Text(of(row)),
        }
    }

    fn read(&self, json: &Json) -> Option<Part> {
        match self {
            Self::Number(_) => json.as_i64().map(Part::Number),
            Self::Id(_) => json.as_str()?.parse().ok().map(Part::Id),
            // No text that is stored has the character U+0000, and PostgreSQL takes none.
            Self::Text(_) => {
                let text = json.as_str().filter(|text| !text.contains('\0'))?;
                Some(Part::Text(text.to_owned()))
            }
        }
    }
}

/// What a key is of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Part {
    Number(i64),
    Id(Uuid),
    Text(String),
}

impl From<Part> for Value {
    fn from(part: Part) -> Self {
        match part {
            Part::Number(number) => number.into(),
            Part::Id(id) => id.into(),
            Part::Text(text) => text.into(),
        }
    }
}

/// The order of a list by ids, which say when they were made.
pub(crate) fn newest_first<E: Owned, R>(id: E::Column, of: fn(&R) -> Uuid) -> Keyset<E, R> {
    let key = Key {
        column: id,
        sort: SortKey::column(id),
        is_descending: true,
        of: Of::Id(of),
    };
    Keyset::new(vec![key], "newest first")
}

impl<E: Owned, R> Keyset<E, R> {
    /// `name` says which order of which rows it is.
    pub(crate) fn new(keys: Vec<Key<E, R>>, name: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, name.as_bytes());
        Self {
            keys,
            name: URL_SAFE_NO_PAD.encode(&digest.as_ref()[..NAME_BYTES]),
        }
    }

    /// What a row is ordered by.
    pub(crate) fn columns(&self) -> impl Iterator<Item = E::Column> {
        self.keys.iter().map(|key| key.column)
    }

    /// The place of a row, to be handed back as it is.
    pub(crate) fn cursor(&self, row: &R) -> String {
        let parts: Vec<Part> = self.keys.iter().map(|key| key.of.part(row)).collect();
        // Of these types nothing cannot be written.
        let text = serde_json::to_string(&(&self.name, parts)).unwrap_or_default();
        write_place(&text)
    }

    /// Reads a cursor of this order back.
    pub(crate) fn read(&self, cursor: &str) -> Result<Vec<Part>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let (name, parts): (String, Vec<Json>) = read.ok_or(Error::InvalidCursor)?;
        if name != self.name || parts.len() != self.keys.len() {
            return Err(Error::InvalidCursor);
        }
        let keys = self.keys.iter().zip(&parts);
        let parts: Option<_> = keys.map(|(key, part)| key.of.read(part)).collect();
        parts.ok_or(Error::InvalidCursor)
    }

    /// The rows after this place; or before it, if that is wanted.
    pub(crate) fn beyond(&self, place: Vec<Part>, before: bool) -> Filter<E> {
        let keys = self.keys.iter().zip(place).map(|(key, part)| {
            let side = if key.is_descending == before {
                Side::Greater
            } else {
                Side::Less
            };
            (key.sort.clone(), part.into(), side)
        });
        Filter::beyond(keys.collect())
    }

    /// In this order; or from its end, if that is wanted.
    pub(crate) fn order(&self, query: Query<E>, from_end: bool) -> Query<E> {
        self.keys.iter().fold(query, |query, key| {
            let direction = if key.is_descending == from_end {
                Direction::Ascending
            } else {
                Direction::Descending
            };
            query.order_by(key.sort.clone(), direction)
        })
    }
}

/// A place in a list or in a log, so that nobody takes it for more than that.
pub(crate) fn write_place(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}
