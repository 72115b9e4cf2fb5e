//! Refused by E0277: rows are not streamed around the viewer.

use sea_orm::EntityTrait;

use super::entity::Entity;
use crate::scope::Viewer;

async fn read(viewer: &Viewer) {
    let _ = Entity::find().stream(viewer).await; //~
}
