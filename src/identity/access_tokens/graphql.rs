//! The GraphQL type of a personal access token.

use async_graphql::{ID, Object};

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
    output,
    pagination::connection::{self, ConnectionNode},
    scope::Viewer,
};

/// A personal access token of the viewer.
#[derive(Clone)]
pub(crate) struct AccessToken(pub(super) sessions::Model);

impl AccessToken {
    /// Returns the id by which `node` finds the token.
    pub(crate) fn key(&self) -> ID {
        AccessTokenId::from(self.0.id).into()
    }

    /// Returns the viewer's tokens with these ids that have not expired.
    pub(crate) async fn find(viewer: &Viewer, ids: Vec<AccessTokenId>) -> Result<Vec<Self>> {
        let ids = ids.into_iter().map(SessionId::from).collect();
        connection::find(viewer, sessions::Column::Id, ids, all(viewer)).await
    }
}

impl ConnectionNode for AccessToken {
    type Entity = sessions::Entity;
    type Row = sessions::Model;

    fn of(row: sessions::Model, _: &Viewer) -> Self {
        Self(row)
    }

    fn row(&self) -> &sessions::Model {
        &self.0
    }
}

output::fields! {
    /// A personal access token, by which a script authenticates as its owner, with
    /// `Authorization: Bearer …`. With any scope, it cannot create or revoke tokens, revoke sessions,
    /// change the password or delete the account.
    #[Object]
    impl AccessToken {
        /// Globally unique and permanent id: `token_` and 26 characters, such as
        /// `token_01h2xcejqtf2nbrexx3vqjhp41`.
        pub(crate) fn id(this) -> ID {
            this.key()
        }

        /// The purpose of the token, as its owner described it, such as `codegen in CI`.
        fn name(this) -> &str {
            this.0.label.as_deref().unwrap_or_default()
        }

        /// The first 36 characters of the token, which identify it and are not secret, such as
        /// `cubby_pat_01h2xcejqtf2nbrexx3vqjhp41`. The complete token is only in the payload of
        /// `createAccessToken`.
        fn prefix(this) -> String {
            prefix(this.0.id.into())
        }

        /// The permissions of the token: `[READ]` or `[READ, WRITE]`.
        fn scopes(this) -> Vec<Scope> {
            match this.0.scope {
                Scope::Read => vec![Scope::Read],
                Scope::Write => vec![Scope::Read, Scope::Write],
            }
        }

        /// The time at which the token was created.
        fn created_at(this) -> Timestamp {
            this.0.created_at
        }

        /// The time of the last use, with a resolution of one minute; null if the token has never been used.
        fn last_used_at(this, ctx) -> Option<Timestamp> {
            let used_at = activity(ctx).last_active_at(&this.0);
            (used_at != lifetimes::NEVER_USED).then_some(used_at)
        }

        /// The time at which the token expires; null if it is valid until it is revoked.
        fn expires_at(this) -> Option<Timestamp> {
            let expires_at = this.0.expires_at;
            (expires_at != lifetimes::NO_EXPIRY).then_some(expires_at)
        }
    }
}
