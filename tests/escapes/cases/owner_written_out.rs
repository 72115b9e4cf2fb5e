//! Refused by E0423: an owner's field is private.

use crate::{identity::Owner, id::UserId};

fn somebody(id: UserId) -> Owner {
    Owner(id) //~
}
