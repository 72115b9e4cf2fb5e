//! Credentials: passwords and refresh tokens, by which users prove their identity.

pub(in crate::identity) mod password;
pub(in crate::identity) mod refresh_tokens;

use super::entity::users;

/// A user who has proved their identity, for whom a session can be opened.
///
/// Only the checks in this module create one.
pub(in crate::identity) struct Authenticated {
    user: users::Model,
    factors: Vec<Factor>,
}

/// One proof of a user's identity.
enum Factor {
    Password { rehash: Option<String> },
}

impl Authenticated {
    pub(in crate::identity) fn user(&self) -> &users::Model {
        &self.user
    }

    /// Returns a new hash of the password, if the stored one has outdated parameters.
    pub(in crate::identity) fn rehash(&self) -> Option<&str> {
        self.factors.iter().find_map(|factor| match factor {
            Factor::Password { rehash } => rehash.as_deref(),
        })
    }
}
