//! Refused by E0277: nothing turns into an owner.

use crate::{scope::Owner, id::UserId};

fn somebody(id: UserId) -> Owner {
    id.into() //~
}
