//! Refused by E0277: an id cannot be converted to an owner.

use crate::{scope::Owner, id::UserId};

fn forged(id: UserId) -> Owner {
    id.into() //~
}
