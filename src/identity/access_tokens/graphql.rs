//! What the schema says of an access token.

use async_graphql::{Context, ID, Object};

use super::{all, prefix};
use crate::{
    clock::Timestamp,
    error::Result,
    id::{AccessTokenId, SessionId},
    identity::{
        entity::sessions::{self, Scope},
        lifetimes,
        sessions::activity::activity,
    },
    pagination::connection::{self, Listed},
    scope::Viewer,
};

/// What lets a script act for its owner.
#[derive(Clone)]
pub(crate) struct AccessToken(pub(super) sessions::Model);

impl AccessToken {
    /// Its id, as it is asked for by.
    pub(crate) fn key(&self) -> ID {
        AccessTokenId::from(self.0.id).into()
    }

    /// Those of the viewer's that have one of these ids.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<AccessTokenId>) -> Result<Vec<Self>> {
        let ids = ids.into_iter().map(SessionId::from).collect();
        connection::find(viewer, sessions::Column::Id, ids, all(viewer)).await
    }
}

impl Listed for AccessToken {
    type Entity = sessions::Entity;
    type Row = sessions::Model;

    fn of(row: sessions::Model, _: &Viewer) -> Self {
        Self(row)
    }

    fn row(&self) -> &sessions::Model {
        &self.0
    }
}

/// What lets a script act for its owner, without their password: it is sent as `Authorization: Bearer …`.
/// It makes no other, and changes no password and no session, whatever its scopes are.
#[Object]
impl AccessToken {
    /// Stable and global: `token_` and 26 characters.
    pub(crate) async fn id(&self) -> ID {
        self.key()
    }

    /// What it is for, as its owner wrote it.
    async fn name(&self) -> &str {
        self.0.label.as_deref().unwrap_or_default()
    }

    /// What it begins with, to be told from others. The rest was shown once, and is not stored.
    async fn prefix(&self) -> String {
        prefix(self.0.id.into())
    }

    /// What its holder may do.
    async fn scopes(&self) -> Vec<Scope> {
        match self.0.scope {
            Scope::Read => vec![Scope::Read],
            Scope::Write => vec![Scope::Read, Scope::Write],
        }
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at
    }

    /// When it was last used, to the minute; null before that.
    async fn last_used_at(&self, ctx: &Context<'_>) -> Option<Timestamp> {
        let used_at = activity(ctx).last_active_at(&self.0);
        (used_at != lifetimes::NEVER_USED).then_some(used_at)
    }

    /// When it opens nothing any more; null when it goes on until it is revoked.
    async fn expires_at(&self) -> Option<Timestamp> {
        let expires_at = self.0.expires_at;
        (expires_at != lifetimes::NO_EXPIRY).then_some(expires_at)
    }
}
