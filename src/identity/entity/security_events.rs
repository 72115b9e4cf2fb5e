//! The row of something that happened to an account.

use async_graphql::Enum;
use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::SecurityEventId,
    scope::{Direct, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "security_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SecurityEventId,
    pub kind: Kind,
    pub at: Timestamp,
    pub ip_address: Option<String>,
    pub user_agent: Option<String>,
}

/// What happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, EnumIter, DeriveActiveEnum)]
#[graphql(name = "SecurityEventKind")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Kind {
    /// The account was made.
    #[sea_orm(string_value = "signed_up")]
    SignedUp,
    /// Somebody signed in with the password.
    #[sea_orm(string_value = "signed_in")]
    SignedIn,
    /// Somebody gave another password, to sign in or to change or delete the account.
    #[sea_orm(string_value = "sign_in_failed")]
    SignInFailed,
    /// A session was ended by whoever was signed in with it.
    #[sea_orm(string_value = "signed_out")]
    SignedOut,
    /// Sessions were ended from another one.
    #[sea_orm(string_value = "session_revoked")]
    SessionRevoked,
    /// A refresh token was used that had been replaced: two parties held it, and the session ended.
    #[sea_orm(string_value = "refresh_token_reused")]
    RefreshTokenReused,
    /// The password was changed.
    #[sea_orm(string_value = "password_changed")]
    PasswordChanged,
    /// Nobody gets in as the person any more, as whoever runs the service decided.
    #[sea_orm(string_value = "account_disabled")]
    AccountDisabled,
    /// They do again.
    #[sea_orm(string_value = "account_enabled")]
    AccountEnabled,
    /// An access token was made.
    #[sea_orm(string_value = "access_token_created")]
    AccessTokenCreated,
    /// An access token was revoked.
    #[sea_orm(string_value = "access_token_revoked")]
    AccessTokenRevoked,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;

    type Writes = Direct;
}
