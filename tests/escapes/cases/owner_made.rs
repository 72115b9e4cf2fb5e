//! Refused by E0624: only opening a session makes an owner.

use crate::{scope::Owner, id::UserId};

fn somebody(id: UserId) -> Owner {
    Owner::new(id) //~
}
