//! Whose a row is.

use sea_orm::{DbErr, DeriveValueType, EntityTrait, TryFromU64};

use crate::id::UserId;

/// A table whose every row belongs to one user.
pub(crate) trait Owned: EntityTrait {
    /// The column that says whose a row is.
    const OWNER: Self::Column;

    /// Whether sessions may end when a row is changed or removed.
    const ENDS_SESSIONS: bool = false;

    /// Whether rows change when their owner's time zone does. A list of them waits until all have followed.
    const FOLLOWS_TIME_ZONE: bool = false;
}

/// A table whose primary key is the owner and one column more: no two people's rows are ever one.
pub(crate) trait KeyedByOwner: Owned {
    const KEY: Self::Column;
}

/// The owner in a row. Only a row that was read carries one, so that a slice can neither make one up
/// nor write another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, DeriveValueType)]
pub struct Owner(UserId);

impl Owner {
    /// For the viewer, and for a session that is about to be opened, before there is one.
    pub(super) fn new(user_id: UserId) -> Self {
        Self(user_id)
    }

    pub(super) fn user_id(self) -> UserId {
        self.0
    }
}

impl TryFromU64 for Owner {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Owner"))
    }
}
