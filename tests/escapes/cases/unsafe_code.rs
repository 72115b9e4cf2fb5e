//! Refused by unsafe_code: nothing of the guard rests on a promise that is not the compiler's.

use crate::{scope::Owner, id::UserId};

fn somebody(id: UserId) -> Owner {
    unsafe { std::mem::transmute(id) } //~
}
