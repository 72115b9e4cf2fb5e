//! Refused by E0423: an owner's field is private.

use crate::{scope::Owner, id::UserId};

fn somebody(id: UserId) -> Owner {
    Owner(id) //~
}
