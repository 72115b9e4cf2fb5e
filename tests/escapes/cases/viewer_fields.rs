//! Refused by E0616: the viewer's database connection is private.

use crate::scope::Viewer;

fn inside(viewer: &Viewer) {
    let _ = &viewer.0; //~
    let _ = &viewer.0.connection; //~
}
