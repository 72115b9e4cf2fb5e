//! The row of a person.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    scope::{Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Owner,
    /// As it was typed.
    pub email: String,
    /// Folded; unique. Of whom another identity provider vouches for it is their own id.
    pub email_key: String,
    pub name: Option<String>,
    pub time_zone: String,
    /// A PHC string; empty where another identity provider vouches for the person.
    pub password_hash: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Since when nobody gets in as them.
    pub disabled_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A person's row is their own.
impl Owned for Entity {
    const OWNER: Column = Column::Id;
    const ENDS_SESSIONS: bool = true;
}
