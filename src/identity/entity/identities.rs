//! The row of a person whom another identity provider vouches for.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::SessionId,
    scope::{Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    /// Who vouches for them: the `iss` of their tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer: String,
    /// Who they are there: the `sub`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// Nothing once the person was removed.
    pub user_id: Option<Owner>,
    /// What their tokens open: the last session that was opened for one.
    pub session_id: SessionId,
    pub created_at: Timestamp,
    /// The latest moment that a token of theirs said which was still to come here; of somebody who was
    /// removed, until when what was said is refused.
    pub latest_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;
}
