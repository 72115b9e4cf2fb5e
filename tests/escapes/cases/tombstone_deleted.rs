//! Refused by reading: only the module of synced entities writes tombstones.

use crate::scope::{Filter, Viewer, tombstones};

async fn forget(viewer: &Viewer) {
    let _ = viewer.delete::<tombstones::Entity>(Filter::always()).await;
}
