//! Refused by E0423: the field of an owner is private.

use crate::{scope::Owner, id::UserId};

fn forged(id: UserId) -> Owner {
    Owner(id) //~
}
