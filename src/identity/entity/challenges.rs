//! The row of a challenge: a token that was sent to a user's address, and proves that its bearer
//! receives mail there. The row stores only the digest of the token's secret.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::{ChallengeId, EmailId},
    scope::{Direct, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "challenges")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ChallengeId,
    pub kind: Kind,
    pub secret_digest: Vec<u8>,
    /// The address that the token was sent to.
    pub email_id: EmailId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The permission that the token gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Kind {
    /// Setting a new password.
    #[sea_orm(string_value = "password_reset")]
    PasswordReset,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;

    type Writes = Direct;
}
