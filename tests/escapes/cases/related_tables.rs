//! Refused by E0277: no table of a slice is related to another.

use sea_orm::EntityTrait;

use super::entity::{Entity, deleted};
use crate::scope::Viewer;

async fn both(viewer: &Viewer) {
    let _ = viewer.all(Entity::find().find_also_related(deleted::Entity)).await; //~
    let _ = viewer.all(Entity::find().find_with_related(deleted::Entity)).await; //~
    let _ = viewer.all(Entity::find().left_join(deleted::Entity)).await; //~
    let _ = viewer.all(Entity::find().has_related(deleted::Entity, None)).await; //~
}
