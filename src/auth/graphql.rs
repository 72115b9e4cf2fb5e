//! The edge of accounts: what the schema says of a person and their sessions.

use std::sync::Arc;

use async_graphql::{ID, Object};
use tokio::sync::OnceCell;

use super::{
    Viewer, accounts,
    entity::{sessions::Model, users},
    sessions,
    time_zone::TimeZone,
};
use crate::{
    clock::Timestamp,
    error::{Error, Nullable, Reason, Result},
    id::{SessionId, UserId},
};

/// What accounts say of a person: themselves and the session that they are here with.
pub(crate) struct Account {
    viewer: Viewer,
    row: Arc<OnceCell<users::Model>>,
}

impl Account {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self {
            viewer,
            row: Arc::default(),
        }
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.viewer.user_id()
    }

    /// The row, read once however many fields are asked for.
    async fn row(&self) -> Result<&users::Model> {
        self.row
            .get_or_try_init(async || accounts::me(&self.viewer).await)
            .await
    }
}

#[Object]
impl Account {
    /// Stable and global: `user_` and 26 characters.
    async fn id(&self) -> ID {
        self.viewer.user_id().into()
    }

    /// The address, as it was typed.
    async fn email(&self) -> Result<&str> {
        Ok(&self.row().await?.email)
    }

    /// What they call themselves.
    async fn name(&self) -> Nullable<&str> {
        let row = self.row().await;
        row.map(|row| row.name.as_deref()).transpose()
    }

    /// Where their days begin and end.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone::stored(&self.row().await?.time_zone))
    }

    /// When they signed up.
    async fn created_at(&self) -> Result<Timestamp> {
        Ok(self.row().await?.created_at)
    }

    /// When the profile or the password last changed.
    async fn updated_at(&self) -> Result<Timestamp> {
        Ok(self.row().await?.updated_at)
    }

    /// The session that this was read with.
    async fn current_session(&self) -> Result<Session> {
        let session = Session::find(&self.viewer, self.viewer.session_id()).await?;
        session.ok_or(Error::Unauthenticated(Reason::SessionEnded))
    }
}

/// A place where its owner is signed in.
pub(crate) struct Session {
    row: Model,
    is_current: bool,
}

impl Session {
    /// The one that was just opened.
    pub(super) fn opened(row: Model) -> Self {
        Self {
            row,
            is_current: true,
        }
    }

    /// The viewer's session with this id.
    pub(crate) async fn find(viewer: &Viewer, id: SessionId) -> Result<Option<Self>> {
        let row = sessions::one(viewer, id).await?;
        Ok(row.map(|row| Self {
            is_current: row.id == viewer.session_id(),
            row,
        }))
    }
}

/// A place where its owner is signed in. It ends when they say so, or at `expiresAt`.
#[Object]
impl Session {
    /// Stable and global: `session_` and 26 characters.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// Whether it is the one that this request came with.
    async fn is_current(&self) -> bool {
        self.is_current
    }

    /// What the device was called at sign-in.
    async fn label(&self) -> Option<&str> {
        self.row.label.as_deref()
    }

    /// The `User-Agent` header at sign-in, its first 500 characters.
    async fn user_agent(&self) -> Option<&str> {
        self.row.user_agent.as_deref()
    }

    /// The network address at sign-in.
    async fn ip_address(&self) -> Option<&str> {
        self.row.ip_address.as_deref()
    }

    /// When it was opened.
    async fn created_at(&self) -> Timestamp {
        self.row.created_at
    }

    /// When it was last used, to the minute.
    async fn last_active_at(&self) -> Timestamp {
        self.row.last_active_at
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> Timestamp {
        self.row.expires_at
    }
}
