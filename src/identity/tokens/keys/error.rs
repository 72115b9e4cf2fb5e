//! The error type of reading and rotating signing keys.

use std::{io, sync::Arc};

use crate::{
    clock::Timestamp,
    error::{Error, ErrorChain},
};

/// An error of reading or rotating signing keys. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No accepted secret decrypts the key with this id.
    #[error(
        "the signing key {0} is encrypted with a secret that is not set: set that secret as CUBBY_SECRET, or as \
         CUBBY_SECRET_2 beside a new one. A secret that Cubby created is in the file `secret` of the data directory. \
         If the secret is lost, `cubby keys rotate --now` replaces all keys, which invalidates every access token"
    )]
    Undecryptable(String),
    /// A rotation is in progress: the key with this id is published and signs from this time on.
    #[error(
        "a key rotation is already in progress: {0} signs from {1} on. `cubby keys rotate --now` does not wait"
    )]
    RotationInProgress(String, Timestamp),
    /// Another process rotated the keys at the same time.
    #[error("another process rotated the keys at the same time: `cubby keys list` lists them")]
    ConcurrentRotation,
    #[error("the database with the signing keys is unavailable")]
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
