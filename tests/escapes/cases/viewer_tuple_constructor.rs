//! Refused by E0423: the field of a viewer is private.

use std::sync::Arc;

use crate::scope::Viewer;

fn forged<T>(inner: Arc<T>) -> Viewer {
    Viewer(inner) //~
}
