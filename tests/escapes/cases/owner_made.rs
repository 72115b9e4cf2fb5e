//! Refused by E0599: nothing makes an owner of an id.

use crate::{id::UserId, scope::Owner};

fn somebody(id: UserId) -> Owner {
    Owner::new(id) //~
}
