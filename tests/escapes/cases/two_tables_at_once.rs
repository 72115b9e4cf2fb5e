//! Refused by E0308: the viewer runs selects of one table, which it scopes.

use sea_orm::EntityTrait;

use super::entity::{Entity, deleted};
use crate::scope::Viewer;

async fn both(viewer: &Viewer) {
    let _ = viewer.all(Entity::find().select_also(deleted::Entity)).await; //~
    let _ = viewer.all(Entity::find().select_with(deleted::Entity)).await; //~
    let _ = viewer.all(Entity::find().find_also(Entity, deleted::Entity)).await; //~
}
