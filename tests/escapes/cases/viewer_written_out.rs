//! Refused by E0423: a viewer's field is private.

use std::sync::Arc;

use crate::scope::Viewer;

fn made_up<T>(inner: Arc<T>) -> Viewer {
    Viewer(inner) //~
}
