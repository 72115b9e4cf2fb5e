//! Refused by E0616: the viewer's connection is private.

use crate::auth::Viewer;

fn inside(viewer: &Viewer) {
    let _ = &viewer.0; //~
    let _ = &viewer.0.connection; //~
}
