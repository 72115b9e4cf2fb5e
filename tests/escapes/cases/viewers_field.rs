//! Refused by E0616: the viewer's connection is private.

use crate::identity::Viewer;

fn inside(viewer: &Viewer) {
    let _ = &viewer.0; //~
    let _ = &viewer.0.connection; //~
}
