//! The reasons why the signing keys cannot be used or rotated.

use std::{io, sync::Arc};

use crate::{
    clock::Timestamp,
    error::{Error, ErrorChain},
};

/// The reason why the keys cannot be used or rotated; the message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No secret decrypts the key with this id.
    #[error(
        "the signing key {0} was sealed with a secret that is not set: set it as CUBBY_SECRET, or as CUBBY_SECRET_2 \
         beside a new one. One that Cubby made is in the file `secret` of the data directory. If it is lost, `cubby \
         keys rotate --now` gives up the keys for a new one, and every access token with them"
    )]
    Sealed(String),
    /// The key with this id is published, and signs from this time on.
    #[error(
        "the keys are being rotated already: {0} signs from {1} on. `cubby keys rotate --now` does not wait"
    )]
    RotationInProgress(String, Timestamp),
    /// Another process rotated the keys at the same moment.
    #[error("another process rotated the keys at the same moment: `cubby keys list` shows them")]
    ConcurrentRotation,
    #[error("the database that has the signing keys does not answer")]
    Unavailable,
    #[error(
        "the signing keys cannot be used: {}. If their table is missing, run `cubby migrate up`",
        ErrorChain(.0.as_ref())
    )]
    Internal(Arc<dyn std::error::Error + Send + Sync>),
}

impl From<Error> for KeysError {
    fn from(error: Error) -> Self {
        match error {
            Error::Internal(cause) => Self::Internal(cause),
            Error::Unavailable => Self::Unavailable,
            error => Self::Internal(Arc::new(io::Error::other(error.into_message()))),
        }
    }
}
