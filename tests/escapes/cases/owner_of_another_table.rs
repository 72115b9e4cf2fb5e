//! Refused by E0326: the owner's column is the table's own.

use sea_orm::entity::prelude::*;

use crate::{scope::Owned, id::TaskId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "other")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: super::entity::Column = super::entity::Column::UserId; //~
}
