//! The row of a person.

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
    /// As it was typed. An external user may have none.
    pub email: Option<String>,
    /// The address as it is compared; unique. An external user, who is never found by an address, has none.
    pub email_normalized: Option<String>,
    pub name: Option<String>,
    pub time_zone: String,
    /// A PHC string. An external user has none.
    pub password_hash: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The time since which no credentials of the user are accepted.
    pub disabled_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A person's row is their own.
impl Owned for Entity {
    const OWNER: Column = Column::Id;
    const ENDS_SESSIONS: bool = true;

    type Writes = Direct;
}
