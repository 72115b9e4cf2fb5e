//! Defines the owner of a row, and the traits of tables whose rows have one.

use sea_orm::{DbErr, DeriveValueType, EntityTrait, TryFromU64, TryIntoModel};

use crate::{
    clock::Timestamp,
    id::{IdGenerator, UserId},
};

/// A table whose every row belongs to one user.
pub(crate) trait Owned: EntityTrait<ActiveModel: TryIntoModel<Self::Model>> {
    /// The column that stores the owner's id.
    const OWNER: Self::Column;

    /// True if changing or deleting a row may end sessions.
    const ENDS_SESSIONS: bool = false;

    /// True if rows are rescheduled when their owner's time zone changes. A list of such rows waits
    /// until all have been rescheduled.
    const DEPENDS_ON_TIME_ZONE: bool = false;

    /// Selects the writer of the rows: [`Direct`] or [`Logged`].
    type Writes;
}

/// Marks tables that slices write with [`Viewer::insert`](super::Viewer::insert), `update` and
/// `delete`.
pub(crate) enum Direct {}

/// Marks tables whose every change takes a number of its owner's change log. Only the module
/// `synced` writes them.
pub(crate) enum Logged {}

/// A table whose primary key is the owner and one more column, so that rows of two users never
/// share a key.
pub(crate) trait KeyedByOwner: Owned {
    const KEY: Self::Column;
}

/// The owner of a row: proof that the row was read from the database or belongs to a new user.
///
/// The id of an existing user cannot be converted to an `Owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
pub struct Owner(UserId);

impl Owner {
    /// Creates the owner of a new user's rows, with a new id.
    pub(crate) fn new_user(ids: &IdGenerator, now: Timestamp) -> Self {
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
