//! The row of a user.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    scope::{Direct, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Owner,
    pub name: Option<String>,
    pub time_zone: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The time at which the operator disabled the account; `None` if it is enabled.
    pub disabled_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A user owns their own row.
impl Owned for Entity {
    const OWNER: Column = Column::Id;
    const ENDS_SESSIONS: bool = true;

    type Writes = Direct;
}
