//! Refused by E0624: what the viewer opens for itself is private to it.

use std::sync::Arc;

use sea_orm::EntityTrait;

use super::entity::Entity;
use crate::scope::Viewer;

async fn doors(viewer: &Viewer) {
    let _ = viewer.begin().await; //~
    let _ = viewer.scope(Entity::find()); //~
    let _ = viewer.over(Arc::new(loop {})); //~
}
