//! The row of a network from which its owner has signed in or signed up.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    scope::{Direct, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "known_networks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub network: String,
    pub last_used_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;

    type Writes = Direct;
}
