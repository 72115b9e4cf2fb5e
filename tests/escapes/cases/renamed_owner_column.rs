//! Refused by reading: another name for the owner's column could change the owner.

use sea_orm::entity::prelude::*;

use crate::{scope::Owned, id::TaskId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
    #[sea_orm(column_name = "user_id")]
    pub another: TaskId,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
