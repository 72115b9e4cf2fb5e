//! The row that maps the issuer and the subject of an external token to a user. It is the only row of
//! an account that is looked up without the user's id.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    scope::{Direct, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "external_subjects")]
pub struct Model {
    /// The `iss` of the user's tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer: String,
    /// The `sub` of the user's tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// The user; `None` after the user was deleted.
    pub user_id: Option<Owner>,
    /// The time up to which issued tokens are rejected, after the user was deleted.
    pub refused_until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;

    type Writes = Direct;
}
