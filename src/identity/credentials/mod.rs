//! Credentials: passwords, refresh tokens and secret tokens, by which users prove their identity.

pub(in crate::identity) mod mail_token;
pub(in crate::identity) mod password;
pub(in crate::identity) mod refresh_tokens;
pub(in crate::identity) mod secret_token;

use super::entity::{credentials, users};
use crate::{
    error::Result,
    scope::{Filter, Query, Viewer},
};

/// A user with a password.
#[derive(Clone)]
pub(in crate::identity) struct PasswordUser {
    pub(in crate::identity) user: users::Model,
    pub(in crate::identity) password: credentials::Model,
}

/// Matches the password among a user's credentials.
pub(in crate::identity) fn is_password() -> Filter<credentials::Entity> {
    Filter::eq(credentials::Column::Kind, credentials::Kind::Password)
}

/// Returns the viewer's password; `None` for a user of an external provider.
pub(in crate::identity) async fn password_of(
    viewer: &Viewer,
) -> Result<Option<credentials::Model>> {
    viewer.find_one(Query::filter(is_password())).await
}

/// A user who has proved their identity, for whom a session can be opened.
///
/// Only the checks in this module create one.
pub(in crate::identity) struct Authenticated {
    user: users::Model,
    factors: Vec<Factor>,
}

/// One proof of a user's identity.
pub(in crate::identity) enum Factor {
    Password {
        password: credentials::Model,
        /// A new hash of the password, if the stored one has outdated parameters.
        rehash: Option<String>,
    },
}

impl Authenticated {
    pub(in crate::identity) fn user(&self) -> &users::Model {
        &self.user
    }

    pub(in crate::identity) fn factors(&self) -> &[Factor] {
        &self.factors
    }
}
