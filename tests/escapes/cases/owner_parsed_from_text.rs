//! Refused by E0599: an owner cannot be parsed or created by default.

use crate::scope::{Owner, Viewer};

fn forged(text: &str) {
    let _ = Owner::from_str(text); //~
    let _ = Owner::default(); //~
    let _ = Viewer::default(); //~
}
