//! Orders lists by keysets, and encodes a row's keys as a cursor.
//!
//! A cursor contains the sort key of one row. The next page starts after that key, so inserted and
//! deleted rows never shift the pages.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    scope::{Direction, Filter, Owned, Query, Side, SortKey, Value},
};

/// The number of digest bytes in the fingerprint of an order.
const FINGERPRINT_BYTES: usize = 6;

/// The keys by which a list is sorted, most significant first. The last key is unique for each row,
/// so the order is total.
pub(crate) struct Keyset<E: Owned, R> {
    keys: Vec<Key<E, R>>,
    /// Distinguishes cursors of this order and filter from cursors of others.
    name: String,
}

/// One key of an order. Its value is never null.
pub(crate) struct Key<E: Owned, R> {
    /// The column from which the key is computed.
    pub(crate) column: E::Column,
    pub(crate) sort: SortKey<E>,
    pub(crate) is_descending: bool,
    /// Returns the key of a row.
    pub(crate) of: KeyFn<R>,
}

/// Computes a key of a row. The variant is the only type that a cursor may contain for the key.
#[derive(Clone, Copy)]
pub(crate) enum KeyFn<R> {
    Number(fn(&R) -> i64),
    Id(fn(&R) -> Uuid),
    Text(fn(&R) -> String),
}

impl<R> KeyFn<R> {
    fn part(&self, row: &R) -> CursorValue {
        match self {
            Self::Number(of) => CursorValue::Number(of(row)),
            Self::Id(of) => CursorValue::Id(of(row)),
            Self::Text(of) => CursorValue::Text(of(row)),
        }
    }

    fn read(&self, json: &Json) -> Option<CursorValue> {
        match self {
            Self::Number(_) => json.as_i64().map(CursorValue::Number),
            Self::Id(_) => json.as_str()?.parse().ok().map(CursorValue::Id),
            // Stored text never contains U+0000, and PostgreSQL rejects it.
            Self::Text(_) => {
                let text = json.as_str().filter(|text| !text.contains('\0'))?;
                Some(CursorValue::Text(text.to_owned()))
            }
        }
    }
}

/// The value of one key in a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum CursorValue {
    Number(i64),
    Id(Uuid),
    Text(String),
}

impl From<CursorValue> for Value {
    fn from(part: CursorValue) -> Self {
        match part {
            CursorValue::Number(number) => number.into(),
            CursorValue::Id(id) => id.into(),
            CursorValue::Text(text) => text.into(),
        }
    }
}

/// Orders a list by descending ids, which start with the time of creation.
pub(crate) fn newest_first<E: Owned, R>(id: E::Column, of: fn(&R) -> Uuid) -> Keyset<E, R> {
    let key = Key {
        column: id,
        sort: SortKey::column(id),
        is_descending: true,
        of: KeyFn::Id(of),
    };
    Keyset::new(vec![key], "newest first")
}

impl<E: Owned, R> Keyset<E, R> {
    /// Creates a keyset. `name` identifies the order and the filter.
    pub(crate) fn new(keys: Vec<Key<E, R>>, name: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, name.as_bytes());
        Self {
            keys,
            name: URL_SAFE_NO_PAD.encode(&digest.as_ref()[..FINGERPRINT_BYTES]),
        }
    }

    /// Returns the columns that the keys need.
    pub(crate) fn columns(&self) -> impl Iterator<Item = E::Column> {
        self.keys.iter().map(|key| key.column)
    }

    /// Returns the cursor of a row.
    pub(crate) fn cursor(&self, row: &R) -> String {
        let parts: Vec<CursorValue> = self.keys.iter().map(|key| key.of.part(row)).collect();
        // Serializing these types cannot fail.
        let text = serde_json::to_string(&(&self.name, parts)).unwrap_or_default();
        encode_cursor(&text)
    }

    /// Decodes a cursor of this order.
    ///
    /// # Errors
    /// Returns [`Error::InvalidCursor`] if the cursor is malformed or belongs to another order or
    /// filter.
    pub(crate) fn read(&self, cursor: &str) -> Result<Vec<CursorValue>> {
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

    /// Selects the rows after the position, or the rows before it if `before` is true.
    pub(crate) fn seek(&self, place: Vec<CursorValue>, before: bool) -> Filter<E> {
        let keys = self.keys.iter().zip(place).map(|(key, part)| {
            let side = if key.is_descending == before {
                Side::Greater
            } else {
                Side::Less
            };
            (key.sort.clone(), part.into(), side)
        });
        Filter::seek(keys.collect())
    }

    /// Sorts the query by the keys, in reverse if `from_end` is true.
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

/// Encodes a position in a list or in a change log as an opaque text.
pub(crate) fn encode_cursor(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}
