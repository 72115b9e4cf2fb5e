//! Refused by clippy::disallowed_methods: a link is a join of many steps.

use sea_orm::entity::prelude::*;

use super::entity::{Entity, Model};
use crate::{scope::Viewer, error::Result};

struct Others;

impl sea_orm::Linked for Others {
    type FromEntity = Entity;
    type ToEntity = Entity;
    fn link(&self) -> Vec<RelationDef> {
        Vec::new()
    }
}

async fn all(viewer: &Viewer, task: &Model) -> Result<Vec<Model>> {
    let _ = task.find_linked(Others); //~
    let _ = task.find_linked_recursive(Others); //~
    let _ = Linked::find_linked(&Others); //~
    let _ = Entity::find().find_with_linked_recursive(Others); //~
    viewer.all(Entity::find().left_join_linked(Others)).await //~
}
