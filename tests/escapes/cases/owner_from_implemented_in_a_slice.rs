//! Refused by E0603: the constructor of an owner is private.

use crate::{scope::Owner, id::UserId};

impl From<UserId> for Owner {
    fn from(id: UserId) -> Self {
        Self(id) //~
    }
}
