//! Refused by reading: only identity makes new users.

use crate::scope::{Owner, Viewer};

fn somebody(viewer: &Viewer) -> Owner {
    Owner::mint(viewer.ids(), viewer.now())
}
