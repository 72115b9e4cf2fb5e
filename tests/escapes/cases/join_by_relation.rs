//! Refused by clippy::disallowed_methods: a join reads rows that are not scoped, whoever declares it.

use sea_orm::entity::prelude::*;

use super::entity::{ActiveModel, Column, Entity, Model, Relation, deleted};
use crate::{scope::Viewer, error::Result};

impl sea_orm::Related<deleted::Entity> for Entity {
    fn to() -> RelationDef {
        Entity::belongs_to(deleted::Entity) //~
            .from(Column::Id)
            .to(deleted::Column::Id)
            .into()
    }
}

fn many(other: deleted::Entity, relation: Relation, row: &ActiveModel) {
    let _ = Entity::has_many_via(other, relation); //~
    let _ = row.find_related(other); //~
}

async fn all(viewer: &Viewer, other: deleted::Entity, task: &Model) -> Result<Vec<Model>> {
    let _ = task.find_related(other); //~
    let _ = <Entity as Related<deleted::Entity>>::find_related(); //~
    let select = Entity::find().left_join(other); //~
    let select = select.right_join(other); //~
    let select = select.inner_join(other); //~
    let select = select.has_related(other, Column::Id.is_null()); //~
    viewer.all(select).await
}
