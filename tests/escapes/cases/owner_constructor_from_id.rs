//! Refused by E0599: an owner has no constructor from an id.

use crate::{id::UserId, scope::Owner};

fn forged(id: UserId) -> Owner {
    Owner::new(id) //~
}
