//! Refused by reading: a join reads rows without a restriction to their owner.

use sea_orm::{EntityTrait, JoinType, QuerySelect, RelationDef};

use super::entity::{Entity, Model};
use crate::{scope::Viewer, error::Result};

async fn all(viewer: &Viewer, to: RelationDef) -> Result<Vec<Model>> {
    let select = Entity::find().join(JoinType::LeftJoin, to.clone());
    let select = select.join_rev(JoinType::LeftJoin, to.clone());
    let select = select.join_as(JoinType::LeftJoin, to.clone(), "other");
    let select = select.join_as_rev(JoinType::LeftJoin, to, "another");
    viewer.all(select).await
}
