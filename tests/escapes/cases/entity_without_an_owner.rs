//! Refused by E0277: a table that names no owner cannot be asked for.

use sea_orm::entity::prelude::*;

use crate::{scope::Viewer, id::TaskId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

async fn everything(viewer: &Viewer, row: ActiveModel) {
    let _ = viewer.all(Entity::find()).await; //~
    let _ = viewer.insert(row).await; //~
    let _ = viewer.delete::<Entity>(Column::Id.is_not_null()).await; //~
}
