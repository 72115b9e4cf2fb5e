//! A synced entity, as the kit sees it.

use std::{fmt::Display, hash::Hash};

use sea_orm::{ActiveValue, EntityTrait, IntoActiveModel, TryGetable, Value, sea_query::ValueType};

use crate::{
    error::{Error, Result},
    id::TypedId,
    scope::{
        change_log::entity as change_logs,
        owner::{KeyedByOwner, Logged},
        viewer::Viewer,
    },
};

/// A table whose rows clients hold copies of. Every change of a row takes the next number of its owner's change log and
/// stores it in the row; a deletion stores it in a tombstone.
pub(crate) trait Synced:
    KeyedByOwner<
        Writes = Logged,
        Model: IntoActiveModel<<Self as EntityTrait>::ActiveModel> + Sync,
        ActiveModel: Send,
    >
{
    /// The type of the key.
    type Id: TypedId
        + ValueType
        + TryGetable
        + Into<Value>
        + Copy
        + Eq
        + Hash
        + Display
        + Send
        + Sync;

    /// The kind of its tombstones: the prefix of its ids.
    const KIND: &'static str = <Self::Id as TypedId>::PREFIX;

    /// The column with the number of a row's changes, 1 for a new row.
    const VERSION: Self::Column;

    /// The column with the number of the last change in the owner's change log.
    const SEQ: Self::Column;

    /// The column with the session that made the last change.
    const ORIGIN_SESSION_ID: Self::Column;

    /// The column with the time of the last change.
    const UPDATED_AT: Self::Column;

    /// The column of the change log that counts the owner's rows, if they are counted.
    const COUNTER: Option<change_logs::Column> = None;

    /// Returns the columns of a row that do not yet follow its owner's time zone. The kit asks before it changes a row
    /// while the owner's rows are being moved, if the entity [`FOLLOWS_TIME_ZONE`](crate::scope::Owned::FOLLOWS_TIME_ZONE).
    fn catch_up(
        _viewer: &Viewer,
        _row: &Self::Model,
    ) -> impl Future<Output = Result<Option<Self::ActiveModel>>> + Send {
        async { Ok(None) }
    }
}

/// The value of a column, whose type is known.
pub(super) fn typed<T: ValueType>(value: Value) -> Result<T> {
    <T as ValueType>::try_from(value).map_err(Error::internal)
}

/// The value of a column of a row that is to be written.
pub(super) fn value_of(value: ActiveValue<Value>) -> Result<Value> {
    value
        .into_value()
        .ok_or_else(|| Error::bug("a column that was not read is needed"))
}
