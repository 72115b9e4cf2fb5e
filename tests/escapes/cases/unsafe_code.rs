//! Refused by unsafe_code: unsafe code can bypass the compiler's checks.

use crate::{scope::Owner, id::UserId};

fn forged(id: UserId) -> Owner {
    unsafe { std::mem::transmute(id) } //~
}
