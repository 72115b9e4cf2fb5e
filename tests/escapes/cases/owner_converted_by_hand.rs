//! Refused by E0603: an owner's constructor is private, by whatever name.

use crate::{scope::Owner, id::UserId};

impl From<UserId> for Owner {
    fn from(id: UserId) -> Self {
        Self(id) //~
    }
}
