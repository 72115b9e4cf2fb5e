//! Accounts: people, their passwords and sessions, and the viewer that a session opens.

mod accounts;
mod common_passwords;
mod email_address;
mod entity;
pub(crate) mod graphql;
mod guard;
mod hasher;
mod hashing;
pub(crate) mod mutations;
mod name;
mod owned;
mod password;
mod secret;
mod sessions;
mod time_zone;
mod tokens;
mod unscoped;
mod viewer;
mod watch;

use std::sync::Arc;

use hasher::Hasher;
use watch::Watches;

pub(crate) use guard::{Caller, Credentials, Device, is_listening, viewer, viewer_or_nobody};
pub(crate) use owned::{Owned, Owner};
pub use secret::{Secret, SecretError};
pub(crate) use time_zone::TimeZone;
pub use tokens::Tokens;
pub(crate) use viewer::Viewer;
pub(crate) use watch::Watch;

use crate::{
    clock::{Clock, Timestamp},
    config::PasswordPolicy,
    db::Database,
    error::{Error, Result, UserError},
    id::Ids,
};

/// Who people are and whether they are who they say: accounts, passwords, tokens, sessions.
pub struct IdentityProvider {
    database: Database,
    clock: Clock,
    ids: Arc<Ids>,
    tokens: Tokens,
    hasher: Hasher,
    password_policy: PasswordPolicy,
    watches: Arc<Watches>,
}

/// A session that was just opened, with the token that names it.
pub(crate) struct Opened {
    viewer: Viewer,
    session: entity::sessions::Model,
    access_token: String,
    expires_at: Timestamp,
}

/// Why a verb did not do what was asked.
pub(crate) enum Refusal {
    /// The person can put it right.
    Wrong(Vec<UserError>),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::Wrong(vec![error])
    }
}

impl IdentityProvider {
    pub fn new(
        database: Database,
        clock: Clock,
        tokens: Tokens,
        password_policy: PasswordPolicy,
    ) -> Self {
        Self {
            watches: Watches::start(database.clone(), clock.clone()),
            database,
            clock,
            ids: Arc::default(),
            tokens,
            hasher: Hasher::start(),
            password_policy,
        }
    }

    /// The public keys of access tokens, as a JWK set.
    pub fn jwks(&self) -> &serde_json::Value {
        self.tokens.jwks()
    }

    pub(crate) fn password_policy(&self) -> PasswordPolicy {
        self.password_policy
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn viewer(&self, session: &entity::sessions::Model, now: Timestamp) -> Viewer {
        Viewer::new(
            session,
            now,
            Arc::clone(&self.ids),
            Arc::clone(&self.watches),
            self.database.clone(),
        )
    }

    fn opened(&self, session: entity::sessions::Model, now: Timestamp) -> Result<Opened> {
        let viewer = self.viewer(&session, now);
        let jti = self.ids.next(now);
        let (access_token, expires_at) = self.tokens.sign(&session, viewer.user_id(), jti, now)?;
        Ok(Opened {
            viewer,
            session,
            access_token,
            expires_at,
        })
    }
}
