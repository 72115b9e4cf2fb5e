//! The owner of a row.

use sea_orm::{DbErr, DeriveValueType, EntityTrait, TryFromU64};

use crate::{
    clock::Timestamp,
    id::{Ids, UserId},
};

/// A table whose every row belongs to one user.
pub(crate) trait Owned: EntityTrait {
    /// The column with the owner's id.
    const OWNER: Self::Column;

    /// True if a change or removal of a row may end sessions.
    const ENDS_SESSIONS: bool = false;

    /// True if rows change with their owner's time zone. A list of them waits until all have been changed.
    const FOLLOWS_TIME_ZONE: bool = false;

    /// The writer of the rows: [`Direct`] or [`Logged`].
    type Writes;
}

/// Slices write the rows with [`Viewer::insert`](super::Viewer::insert), `update` and `delete`.
pub(crate) enum Direct {}

/// Each change of a row takes a number of its owner's change log, so that only the kit of synced entities writes rows.
pub(crate) enum Logged {}

/// A table whose primary key is the owner and one column more: no two users' rows ever have the same key.
pub(crate) trait KeyedByOwner: Owned {
    const KEY: Self::Column;
}

/// The owner in a row: proof that the row was read from the database, or is a new user's.
///
/// Nothing makes one out of an existing user's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
pub struct Owner(UserId);

impl Owner {
    /// A new user, with an id that no other has.
    pub(crate) fn mint(ids: &Ids, now: Timestamp) -> Self {
        Self(UserId::new(ids, now))
    }

    pub(crate) fn user_id(self) -> UserId {
        self.0
    }
}

impl TryFromU64 for Owner {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Owner"))
    }
}
