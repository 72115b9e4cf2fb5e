//! The edge of accounts: what the schema says of a person and their sessions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use tokio::sync::OnceCell;

use super::{
    access_tokens::{self, AccessToken},
    entity::{
        security_events,
        sessions::{self as sessions_entity, Delivery, Model},
        users,
    },
    sessions::{activity::activity, own_sessions},
    users::{profile, time_zone::TimeZone},
};
use crate::{
    clock::Timestamp,
    error::{Error, Nullable, Reason, Result},
    id::{SecurityEventId, SessionId, UserId},
    pagination::connection::{self, Connection, Listed},
    pagination::keyset::newest_first,
    pagination::page::Page,
    scope::{Query, Viewer},
};

/// What accounts say of a person: themselves and the session that they are here with.
#[derive(Clone)]
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
            .get_or_try_init(async || profile::me(&self.viewer).await)
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
        Ok(self.row().await?.email.as_deref().unwrap_or_default())
    }

    /// What they call themselves.
    async fn name(&self) -> Nullable<&str> {
        let row = self.row().await;
        row.map(|row| row.name.as_deref()).transpose()
    }

    /// Where their days begin and end.
    async fn time_zone(&self) -> Result<TimeZone> {
        TimeZone::stored(&self.row().await?.time_zone)
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
    async fn current_session(&self, ctx: &Context<'_>) -> Result<Session> {
        let session =
            own_sessions::find_active(&self.viewer, activity(ctx), self.viewer.session_id())
                .await?;
        let session = session.map(|row| Session::of(row, &self.viewer));
        session.ok_or(Error::Unauthenticated(Reason::SessionEnded))
    }

    /// Where they are signed in, newest first. `first` or `last` is 1 to 100, and `first` is 50 when
    /// both are left out; asking for both is an error.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<Session>> {
        let page = Page::parse(first, after, last, before)?;
        let query = Session::all(&self.viewer);
        let order = newest_first(sessions_entity::Column::Id, |it: &Model| it.id.into());
        Connection::read(ctx, &self.viewer, query, order, page).await
    }

    /// Their access tokens that have not expired, newest first. `first` or `last` is 1 to 100, and
    /// `first` is 50 when both are left out; asking for both is an error.
    async fn access_tokens(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<AccessToken>> {
        let page = Page::parse(first, after, last, before)?;
        let query = access_tokens::all(&self.viewer);
        let order = newest_first(sessions_entity::Column::Id, |it: &Model| it.id.into());
        Connection::read(ctx, &self.viewer, query, order, page).await
    }

    /// Sign-ins, failures, ends of sessions, changes of the password and of access tokens in the last 90
    /// days, newest first.
    async fn security_events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<SecurityEvent>> {
        let page = Page::parse(first, after, last, before)?;
        let query = Query::all();
        let order = newest_first(
            security_events::Column::Id,
            |it: &security_events::Model| it.id.into(),
        );
        Connection::read(ctx, &self.viewer, query, order, page).await
    }
}

/// A place where its owner is signed in.
#[derive(Clone)]
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

    /// Its id, as it is asked for by.
    pub(crate) fn key(&self) -> ID {
        self.row.id.into()
    }

    /// Those of the viewer's sessions that live and have one of these ids.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<SessionId>) -> Result<Vec<Self>> {
        connection::find(viewer, sessions_entity::Column::Id, ids, Self::all(viewer)).await
    }

    /// All that live.
    fn all(viewer: &Viewer) -> Query<sessions_entity::Entity> {
        Query::filter(own_sessions::active(viewer.now()).and(own_sessions::interactive()))
    }
}

impl Listed for Session {
    type Entity = sessions_entity::Entity;
    type Row = Model;

    fn of(row: Model, viewer: &Viewer) -> Self {
        Self {
            is_current: row.id == viewer.session_id(),
            row,
        }
    }

    fn row(&self) -> &Model {
        &self.row
    }
}

/// A place where its owner is signed in. It ends when they say so, when nobody has used it for 30
/// days, or at `expiresAt`.
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

    /// How its tokens are given.
    async fn delivery(&self) -> Delivery {
        self.row.delivery
    }

    /// When it was opened.
    async fn created_at(&self) -> Timestamp {
        self.row.created_at
    }

    /// When it was last used, to the minute.
    async fn last_active_at(&self, ctx: &Context<'_>) -> Timestamp {
        activity(ctx).last_active_at(&self.row)
    }

    /// When it ends however it is used; no refresh passes it.
    async fn expires_at(&self) -> Timestamp {
        self.row.expires_at
    }
}

/// Something that happened to its owner's account.
#[derive(Clone)]
pub(crate) struct SecurityEvent(security_events::Model);

impl SecurityEvent {
    /// Its id, as it is asked for by.
    pub(crate) fn key(&self) -> ID {
        self.0.id.into()
    }

    /// Those of the viewer's events that have one of these ids.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<SecurityEventId>) -> Result<Vec<Self>> {
        connection::find(viewer, security_events::Column::Id, ids, Query::all()).await
    }
}

impl Listed for SecurityEvent {
    type Entity = security_events::Entity;
    type Row = security_events::Model;

    fn of(row: security_events::Model, _: &Viewer) -> Self {
        Self(row)
    }

    fn row(&self) -> &security_events::Model {
        &self.0
    }
}

/// Something that happened to its owner's account, whoever did it. It is kept for 90 days.
#[Object]
impl SecurityEvent {
    /// Stable and global: `event_` and 26 characters.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What happened.
    async fn kind(&self) -> security_events::Kind {
        self.0.kind
    }

    /// When it happened.
    async fn at(&self) -> Timestamp {
        self.0.at
    }

    /// The network address of whoever did it.
    async fn ip_address(&self) -> Option<&str> {
        self.0.ip_address.as_deref()
    }

    /// The `User-Agent` header of whoever did it, its first 500 characters.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }
}
