//! Credentials: what a user proves their identity with.

pub(in crate::identity) mod password;
pub(in crate::identity) mod refresh_tokens;

use super::entity::users;

/// A user who has proved their identity. It opens a session.
///
/// Only the checks of this folder make one.
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

    /// Returns the password's new hash, if the stored one was made with other parameters than today's.
    pub(in crate::identity) fn rehash(&self) -> Option<&str> {
        self.factors.iter().find_map(|factor| match factor {
            Factor::Password { rehash } => rehash.as_deref(),
        })
    }
}
