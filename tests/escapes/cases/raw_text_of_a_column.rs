//! Refused by sources::attributes: what a column is cast to is written as it comes.

use sea_orm::entity::prelude::*;

use crate::{scope::Owned, id::TaskId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
    #[sea_orm(select_as = "text) FROM users --")]
    pub title: String,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
