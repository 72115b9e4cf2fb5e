//! The GraphQL types of an account: the fields of `User`, `Session` and `SecurityEvent`.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use tokio::sync::OnceCell;

use super::{
    access_tokens::{self, AccessToken},
    entity::{
        emails, security_events,
        sessions::{self as sessions_entity, Delivery, Model},
        users,
    },
    sessions::{activity::activity, own_sessions},
    users::{profile, time_zone::TimeZone},
};
use crate::{
    clock::Timestamp,
    error::{AuthFailure, Error, Nullable, Result},
    id::{SecurityEventId, SessionId, UserId},
    output::{self, Inline},
    pagination::connection::{self, Connection, ConnectionNode},
    pagination::keyset::newest_first,
    pagination::page::Page,
    scope::{Query, Viewer},
};

/// The fields of `User` about the account: the profile, the sessions and the security events.
#[derive(Clone)]
pub(crate) struct Account {
    viewer: Viewer,
    row: Arc<OnceCell<users::Model>>,
    email: Arc<OnceCell<Option<emails::Model>>>,
}

impl Account {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self {
            viewer,
            row: Arc::default(),
            email: Arc::default(),
        }
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.viewer.user_id()
    }

    /// Returns the user's row. Reads it once, for any number of fields.
    async fn row(&self) -> Result<&users::Model> {
        self.row
            .get_or_try_init(async || profile::me(&self.viewer).await)
            .await
    }
}

#[Object]
impl Account {
    /// Globally unique and permanent id: `user_` and 26 characters, such as
    /// `user_01h2xcejqtf2nbrexx3vqjhp42`.
    async fn id(&self) -> ID {
        self.viewer.user_id().into()
    }

    /// The email address as the user typed it, without surrounding spaces. Empty for a user of an
    /// external identity provider that supplied no valid address.
    async fn email(&self) -> Result<&str> {
        let email = self
            .email
            .get_or_try_init(async || profile::primary_email(&self.viewer).await)
            .await?;
        Ok(email.as_ref().map_or("", |email| &email.address))
    }

    /// The user's own name, 1 to 100 code points; null if they have not given one.
    async fn name(&self) -> Nullable<&str> {
        let row = self.row().await;
        row.map(|row| row.name.as_deref()).transpose()
    }

    /// The user's time zone: it determines when their days begin and end, such as for due dates
    /// without a time zone of their own.
    async fn time_zone(&self) -> Result<TimeZone> {
        TimeZone::stored(&self.row().await?.time_zone)
    }

    /// The time at which the account was created.
    async fn created_at(&self) -> Result<Timestamp> {
        Ok(self.row().await?.created_at)
    }

    /// The time at which the name, the time zone or the password last changed.
    async fn updated_at(&self) -> Result<Timestamp> {
        Ok(self.row().await?.updated_at)
    }

    /// The session that this object was read with: the session of the request, or the new session in
    /// the payload of `signUp` and `signIn`. For a request with a personal access token, the token's
    /// entry with its name as `label`. If the session has ended, the error is `UNAUTHENTICATED` with
    /// the reason `SESSION_ENDED`.
    async fn current_session(&self, ctx: &Context<'_>) -> Result<Session> {
        let session =
            own_sessions::find_active(&self.viewer, activity(ctx), self.viewer.session_id())
                .await?;
        let session = session.map(|row| Session::of(row, &self.viewer));
        session.ok_or(Error::Unauthenticated(AuthFailure::SessionEnded))
    }

    /// The user's active sessions, newest first, without personal access tokens.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The number of edges from the start, 1 to 100; 50 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.endCursor`. Only edges after it are returned."
        )]
        after: Option<String>,
        #[graphql(
            desc = "The number of edges from the end, 1 to 100. With `first` as well, the request fails with \
                    `BAD_USER_INPUT`."
        )]
        last: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.startCursor`. Only edges before it are returned."
        )]
        before: Option<String>,
    ) -> Result<Inline<Connection<Session>>> {
        let page = Page::parse(first, after, last, before)?;
        let query = Session::all(&self.viewer);
        let order = newest_first(sessions_entity::Column::Id, |it: &Model| it.id.into());
        Connection::read(ctx, &self.viewer, query, order, page).await
    }

    /// The user's personal access tokens that have not expired, newest first; at most 100 exist.
    async fn access_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The number of edges from the start, 1 to 100; 50 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.endCursor`. Only edges after it are returned."
        )]
        after: Option<String>,
        #[graphql(
            desc = "The number of edges from the end, 1 to 100. With `first` as well, the request fails with \
                    `BAD_USER_INPUT`."
        )]
        last: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.startCursor`. Only edges before it are returned."
        )]
        before: Option<String>,
    ) -> Result<Inline<Connection<AccessToken>>> {
        let page = Page::parse(first, after, last, before)?;
        let query = access_tokens::all(&self.viewer);
        let order = newest_first(sessions_entity::Column::Id, |it: &Model| it.id.into());
        Connection::read(ctx, &self.viewer, query, order, page).await
    }

    /// The security events of the account in the last 90 days, newest first: sign-ins and failed ones,
    /// ends of sessions, and changes of the password, of the personal access tokens and of the
    /// account's status.
    async fn security_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The number of edges from the start, 1 to 100; 50 if neither `first` nor `last` is given."
        )]
        first: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.endCursor`. Only edges after it are returned."
        )]
        after: Option<String>,
        #[graphql(
            desc = "The number of edges from the end, 1 to 100. With `first` as well, the request fails with \
                    `BAD_USER_INPUT`."
        )]
        last: Option<i32>,
        #[graphql(
            desc = "A cursor of this list, such as `pageInfo.startCursor`. Only edges before it are returned."
        )]
        before: Option<String>,
    ) -> Result<Inline<Connection<SecurityEvent>>> {
        let page = Page::parse(first, after, last, before)?;
        let query = Query::all();
        let order = newest_first(
            security_events::Column::Id,
            |it: &security_events::Model| it.id.into(),
        );
        Connection::read(ctx, &self.viewer, query, order, page).await
    }
}

/// A session of the viewer.
#[derive(Clone)]
pub(crate) struct Session {
    row: Model,
    is_current: bool,
}

impl Session {
    /// Returns a session that this request has opened or refreshed.
    pub(super) fn opened(row: Model) -> Self {
        Self {
            row,
            is_current: true,
        }
    }

    /// Returns the id by which `node` finds the object.
    pub(crate) fn key(&self) -> ID {
        self.row.id.into()
    }

    /// Returns the viewer's active sessions with these ids.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<SessionId>) -> Result<Vec<Self>> {
        connection::find(viewer, sessions_entity::Column::Id, ids, Self::all(viewer)).await
    }

    /// Matches the viewer's active sessions, without personal access tokens.
    fn all(viewer: &Viewer) -> Query<sessions_entity::Entity> {
        Query::filter(own_sessions::active(viewer.now()).and(own_sessions::interactive()))
    }
}

impl ConnectionNode for Session {
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

output::fields! {
    /// One sign-in of the user on one device. It ends when it is signed out or revoked, after 30 days
    /// without use, or at `expiresAt`.
    #[Object]
    impl Session {
        /// Globally unique and permanent id: `session_` and 26 characters, such as
        /// `session_01h2xcejqtf2nbrexx3vqjhp41`.
        pub(crate) fn id(this) -> ID {
            this.row.id.into()
        }

        /// True for the session of this request, and for the session that this request opened.
        fn is_current(this) -> bool {
            this.is_current
        }

        /// The `deviceLabel` of the sign-in, such as `Laptop`; null if none was given.
        fn label(this) -> Option<&str> {
            this.row.label.as_deref()
        }

        /// The `User-Agent` header at sign-in, its first 500 code points; null if unknown. Clients choose
        /// it freely.
        fn user_agent(this) -> Option<&str> {
            this.row.user_agent.as_deref()
        }

        /// The IP address of the client at sign-in, such as `192.0.2.7`; null if unknown.
        fn ip_address(this) -> Option<&str> {
            this.row.ip_address.as_deref()
        }

        /// The way in which the session's tokens reach its client.
        fn delivery(this) -> Delivery {
            this.row.delivery
        }

        /// The time of the sign-in.
        fn created_at(this) -> Timestamp {
            this.row.created_at
        }

        /// The time of the last use, with a resolution of one minute.
        fn last_active_at(this, ctx) -> Timestamp {
            activity(ctx).last_active_at(&this.row)
        }

        /// The time at which the session ends at the latest; refreshing does not change it. 90 days after
        /// sign-in, or 12 hours with `rememberMe: false`. A session of an external identity provider and
        /// a personal access token without expiry have `9999-12-30T00:00:00.000Z`.
        fn expires_at(this) -> Timestamp {
            this.row.expires_at
        }
    }
}

/// A security event of the viewer's account.
#[derive(Clone)]
pub(crate) struct SecurityEvent(security_events::Model);

impl SecurityEvent {
    /// Returns the id by which `node` finds the object.
    pub(crate) fn key(&self) -> ID {
        self.0.id.into()
    }

    /// Returns the viewer's security events with these ids.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<SecurityEventId>) -> Result<Vec<Self>> {
        connection::find(viewer, security_events::Column::Id, ids, Query::all()).await
    }
}

impl ConnectionNode for SecurityEvent {
    type Entity = security_events::Entity;
    type Row = security_events::Model;

    fn of(row: security_events::Model, _: &Viewer) -> Self {
        Self(row)
    }

    fn row(&self) -> &security_events::Model {
        &self.0
    }
}

output::fields! {
    /// An event that concerns the security of the account, whether the user, another client or the
    /// operator caused it. Stored for 90 days.
    #[Object]
    impl SecurityEvent {
        /// Globally unique and permanent id: `event_` and 26 characters, such as
        /// `event_01h2xcejqtf2nbrexx3vqjhp41`.
        pub(crate) fn id(this) -> ID {
            this.0.id.into()
        }

        /// The kind of the event.
        fn kind(this) -> security_events::Kind {
            this.0.kind
        }

        /// The time of the event.
        fn at(this) -> Timestamp {
            this.0.at
        }

        /// The IP address of the client that caused the event, such as `192.0.2.7`; null if unknown, and
        /// for events that the operator caused.
        fn ip_address(this) -> Option<&str> {
            this.0.ip_address.as_deref()
        }

        /// The `User-Agent` header of the client that caused the event, its first 500 code points; null if
        /// unknown, and for events that the operator caused.
        fn user_agent(this) -> Option<&str> {
            this.0.user_agent.as_deref()
        }
    }
}
