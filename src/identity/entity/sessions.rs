//! The row of a session, which decides: a token only names it.

use async_graphql::Enum;
use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::{SessionId, SessionKey},
    identity::lifetimes,
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
    /// The SHA-256 of an access token's secret.
    pub secret_digest: Option<Vec<u8>>,
}

/// How a session's tokens reach its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, EnumIter, DeriveActiveEnum)]
#[graphql(name = "TokenDelivery")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Delivery {
    /// Access and refresh token in the payload.
    #[default]
    #[sea_orm(string_value = "bearer")]
    Bearer,
    /// Access token in the payload, to be kept in memory; refresh token in an httpOnly `__Host-`
    /// cookie. Recommended for browsers.
    #[sea_orm(string_value = "hybrid")]
    Hybrid,
    /// No token in the payload; one httpOnly `__Host-` cookie authenticates everything.
    #[sea_orm(string_value = "cookie")]
    Cookie,
}

/// What opens a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Kind {
    /// The password, and from then on the tokens that are issued for it.
    #[sea_orm(string_value = "sign_in")]
    SignIn,
    /// A token of another identity provider.
    #[sea_orm(string_value = "external")]
    External,
    /// A secret of its own, which its owner gave to a script.
    #[sea_orm(string_value = "access_token")]
    AccessToken,
}

/// What the holder of an access token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, EnumIter, DeriveActiveEnum)]
#[graphql(name = "AccessTokenScope")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Scope {
    /// Ask, and listen.
    #[sea_orm(string_value = "read")]
    Read,
    /// Change tasks and the profile too; and read.
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
    /// A new session of no device.
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
            idle_expires_at: lifetimes::idle_end(now, expires_at),
            expires_at,
            ended_at: None,
            kind: Kind::SignIn,
            scope: Scope::Write,
            secret_digest: None,
        }
    }

    /// The row to insert for a new session.
    pub(in crate::identity) fn into_insert(self) -> ActiveModel {
        insertable(self)
    }

    pub(in crate::identity) fn key(&self) -> SessionKey {
        SessionKey {
            user_id: self.user_id.user_id(),
            session_id: self.id,
        }
    }

    /// What the session entitles its holder to.
    pub(in crate::identity) fn grant(&self) -> Grant {
        Grant {
            owner: self.user_id,
            session_id: self.id,
            can_write: self.scope == Scope::Write,
            is_interactive: self.kind != Kind::AccessToken,
        }
    }

    /// True if it has not ended, has not been idle for too long and has not expired.
    pub(in crate::identity) fn is_active_at(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.ends_at()
    }

    /// When it ends unless it is used.
    pub(in crate::identity) fn ends_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }
}
