//! Refused by clippy::disallowed_methods: a join reads rows that are not scoped, whichever side declares it.

use sea_orm::entity::prelude::*;

use super::entity::{Entity, Model, deleted};
use crate::{scope::Viewer, error::Result};

impl sea_orm::Related<Entity> for deleted::Entity {
    fn to() -> RelationDef {
        loop {}
    }
}

async fn all(viewer: &Viewer) -> Result<Vec<Model>> {
    let _ = Entity::has_one(deleted::Entity); //~
    let _ = Entity::has_many(deleted::Entity); //~
    viewer.all(Entity::find().reverse_join(deleted::Entity)).await //~
}
