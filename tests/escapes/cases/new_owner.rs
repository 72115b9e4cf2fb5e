//! Refused by reading: only identity creates new users.

use crate::scope::{Owner, Viewer};

fn forged(viewer: &Viewer) -> Owner {
    Owner::new_user(viewer.ids(), viewer.now())
}
