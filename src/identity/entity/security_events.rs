//! The row of a security event of an account, and the kinds of events.

use async_graphql::Enum;
use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::SecurityEventId,
    output,
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

/// The kind of a security event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, EnumIter, DeriveActiveEnum)]
#[graphql(name = "SecurityEventKind")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Kind {
    /// The account was created.
    #[sea_orm(string_value = "signed_up")]
    SignedUp,
    /// A session was opened with the password, or by a token of an external identity provider.
    #[sea_orm(string_value = "signed_in")]
    SignedIn,
    /// A wrong password was sent to `signIn`, `changePassword` or `deleteAccount`. Attempts rejected
    /// with `RATE_LIMITED` are not recorded.
    #[sea_orm(string_value = "sign_in_failed")]
    SignInFailed,
    /// A client ended its own session, by `signOut` or by a new sign-in; with `everywhere: true` all
    /// other sessions too.
    #[sea_orm(string_value = "signed_out")]
    SignedOut,
    /// Sessions were ended by `revokeSession`, by `revokeOtherSessions` or by the operator.
    #[sea_orm(string_value = "session_revoked")]
    SessionRevoked,
    /// A refresh token that had already been replaced was used, so it may have been stolen. The
    /// session was ended.
    #[sea_orm(string_value = "refresh_token_reused")]
    RefreshTokenReused,
    /// The password was changed, by the user or by the operator.
    #[sea_orm(string_value = "password_changed")]
    PasswordChanged,
    /// The operator disabled the account: all sessions ended and all personal access tokens were
    /// revoked.
    #[sea_orm(string_value = "account_disabled")]
    AccountDisabled,
    /// The operator enabled the account again.
    #[sea_orm(string_value = "account_enabled")]
    AccountEnabled,
    /// A personal access token was created.
    #[sea_orm(string_value = "access_token_created")]
    AccessTokenCreated,
    /// The password was reset, by a token that was sent by mail.
    #[sea_orm(string_value = "password_reset")]
    PasswordReset,
    /// A personal access token was revoked.
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

output::enum_output!(Kind);
