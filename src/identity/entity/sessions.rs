//! The row of a session or of a personal access token. Tokens only name it; the row decides.

use async_graphql::Enum;
use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::{SessionId, SessionKey},
    identity::lifetimes,
    output,
    scope::{Direct, Grant, Owned, Owner, insertable},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub generation: i32,
    pub rotated_at: Timestamp,
    pub confirmed_generation: i32,
    pub delivery: Delivery,
    pub label: Option<String>,
    pub user_agent: Option<String>,
    pub ip_address: Option<String>,
    pub created_at: Timestamp,
    pub last_active_at: Timestamp,
    pub idle_expires_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub kind: Kind,
    pub scope: Scope,
    /// The SHA-256 of a personal access token's secret; `None` for other sessions.
    pub secret_digest: Option<Vec<u8>>,
}

/// The way in which a session's tokens reach its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, EnumIter, DeriveActiveEnum)]
#[graphql(name = "TokenDelivery")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Delivery {
    /// The access token and the refresh token are in the payload. For apps and scripts.
    #[default]
    #[sea_orm(string_value = "bearer")]
    Bearer,
    /// The access token is in the payload, to be stored in memory only. The refresh token is in an
    /// `HttpOnly` cookie with the prefix `__Host-`. Recommended for browsers. On a WebSocket, opening
    /// a session with it fails with `INVALID`.
    #[sea_orm(string_value = "hybrid")]
    Hybrid,
    /// No token is in the payload. An `HttpOnly` cookie with the prefix `__Host-` authenticates every
    /// request. On a WebSocket, opening a session with it fails with `INVALID`.
    #[sea_orm(string_value = "cookie")]
    Cookie,
}

/// The kind of a session, by the credentials that open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Kind {
    /// A sign-in with the password; then the issued tokens authenticate.
    #[sea_orm(string_value = "sign_in")]
    SignIn,
    /// A token of an external identity provider.
    #[sea_orm(string_value = "external")]
    External,
    /// The secret of a personal access token.
    #[sea_orm(string_value = "access_token")]
    AccessToken,
}

/// A permission of a personal access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, EnumIter, DeriveActiveEnum)]
#[graphql(name = "AccessTokenScope")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Scope {
    /// Run queries and subscriptions.
    #[sea_orm(string_value = "read")]
    Read,
    /// Run the mutations of tasks and `updateProfile`; includes `READ`.
    #[sea_orm(string_value = "write")]
    Write,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;
    const ENDS_SESSIONS: bool = true;

    type Writes = Direct;
}

impl Model {
    /// Returns a new session, without a label and without a device.
    pub(in crate::identity) fn new(
        id: SessionId,
        owner: Owner,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            user_id: owner,
            generation: 1,
            rotated_at: now,
            confirmed_generation: 1,
            delivery: Delivery::Bearer,
            label: None,
            user_agent: None,
            ip_address: None,
            created_at: now,
            last_active_at: now,
            idle_expires_at: lifetimes::idle_expiry(now, expires_at),
            expires_at,
            ended_at: None,
            kind: Kind::SignIn,
            scope: Scope::Write,
            secret_digest: None,
        }
    }

    /// Returns the row to insert for a new session.
    pub(in crate::identity) fn into_insert(self) -> ActiveModel {
        insertable(self)
    }

    pub(in crate::identity) fn key(&self) -> SessionKey {
        SessionKey {
            user_id: self.user_id.user_id(),
            session_id: self.id,
        }
    }

    /// Returns the permissions that the session grants.
    pub(in crate::identity) fn grant(&self) -> Grant {
        Grant {
            owner: self.user_id,
            session_id: self.id,
            can_write: self.scope == Scope::Write,
            is_interactive: self.kind != Kind::AccessToken,
        }
    }

    /// True if the session has not been ended, has not been idle for too long and has not expired.
    pub(in crate::identity) fn is_active_at(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.ends_at()
    }

    /// Returns the time at which the session ends unless it is used before.
    pub(in crate::identity) fn ends_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }
}

output::enum_output!(Delivery);
output::enum_output!(Scope);
