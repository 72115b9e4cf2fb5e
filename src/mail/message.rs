//! The messages that Cubby sends.

use serde::{Deserialize, Serialize};

use crate::jobs::Payload;

/// A message to one address.
#[derive(Deserialize, Serialize)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) message: Message,
    /// The time from which the message is useless, in milliseconds since the Unix epoch, such as the
    /// expiry of its link. It is then not sent.
    pub(crate) expires_at: Option<i64>,
}

impl Payload for Mail {
    const KIND: &'static str = "mail";
}

/// A message, with the values of its templates.
#[derive(Clone, Deserialize, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub(crate) enum Message {
    /// The answer to a request to reset the password.
    ResetPassword { link: String },
    /// The password has been changed.
    PasswordChanged { at: String },
}

impl Message {
    /// Returns each message with sample values, for previews and to check templates.
    pub(super) fn samples() -> [Self; 2] {
        [
            Self::ResetPassword {
                link: "https://app.example.com/reset-password#token=…".to_owned(),
            },
            Self::PasswordChanged {
                at: "2026-11-29T12:00:00.000Z".to_owned(),
            },
        ]
    }

    /// Returns the name of the message's templates.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ResetPassword { .. } => "reset-password",
            Self::PasswordChanged { .. } => "password-changed",
        }
    }
}
