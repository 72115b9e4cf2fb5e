//! Defines the trait of synced entities.

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

/// A table whose rows clients replicate. Every change of a row takes the next number of its owner's
/// change log and stores it in the row; a deletion stores it in a tombstone.
pub(crate) trait Synced:
    KeyedByOwner<
        Writes = Logged,
        Model: IntoActiveModel<<Self as EntityTrait>::ActiveModel> + Sync,
        ActiveModel: Send,
    >
{
    /// The type of a row's id.
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

    /// The `kind` of the entity's tombstones: the prefix of its ids.
    const KIND: &'static str = <Self::Id as TypedId>::PREFIX;

    /// The column with the version of a row: 1 for a new row, plus one for each change.
    const VERSION: Self::Column;

    /// The column with the change number of the last change.
    const SEQ: Self::Column;

    /// The column with the session that made the last change.
    const ORIGIN_SESSION_ID: Self::Column;

    /// The column with the time of the last change.
    const UPDATED_AT: Self::Column;

    /// The column of the change log that counts the owner's rows; `None` if they are not counted.
    const COUNTER: Option<change_logs::Column> = None;

    /// Returns the changes that reschedule a row to its owner's current time zone, or `None` if the
    /// row is up to date. If the entity
    /// [`DEPENDS_ON_TIME_ZONE`](crate::scope::Owned::DEPENDS_ON_TIME_ZONE), it is called before a row is
    /// changed during a rescheduling.
    fn catch_up(
        _viewer: &Viewer,
        _row: &Self::Model,
    ) -> impl Future<Output = Result<Option<Self::ActiveModel>>> + Send {
        async { Ok(None) }
    }
}

/// A synced entity whose rows are in a manual order.
pub(crate) trait Ordered: Synced {
    /// The column with the position of a row.
    const POSITION: Self::Column;
}

/// Converts the value of a column to its type.
pub(super) fn typed<T: ValueType>(value: Value) -> Result<T> {
    <T as ValueType>::try_from(value).map_err(Error::internal)
}

/// Returns the value of a column of a row to be written.
pub(super) fn value_of(value: ActiveValue<Value>) -> Result<Value> {
    value
        .into_value()
        .ok_or_else(|| Error::bug("a required column was not read"))
}
