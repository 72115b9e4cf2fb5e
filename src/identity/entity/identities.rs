//! The row of a user's identity at an external provider.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::SessionId,
    scope::{Direct, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// The session that was last opened for the user's external tokens.
    pub session_id: SessionId,
    pub created_at: Timestamp,
    /// The latest `iat` of a token that was ahead of this server's clock when it was used.
    pub latest_future_iat: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;

    type Writes = Direct;
}
