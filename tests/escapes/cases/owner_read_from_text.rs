//! Refused by E0599: an owner is read from no text.

use crate::scope::{Owner, Viewer};

fn somebody(text: &str) {
    let _ = Owner::from_str(text); //~
    let _ = Owner::default(); //~
    let _ = Viewer::default(); //~
}
