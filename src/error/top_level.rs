//! The errors that fail a request or a field, with their codes and messages.

use std::{fmt, io, sync::Arc};

use super::{internal::ErrorChain, retry::duration_text};

/// An error that fails a request or a field: a top-level error of the response, with a code.
///
/// The type has no `Display`, so that async-graphql's blanket conversion cannot pass the text of a
/// database driver to a client. The only conversion is in `src/graphql/errors.rs`.
#[derive(Clone, Debug)]
pub(crate) enum Error {
    /// The credentials are missing, or they do not authorise this.
    Unauthenticated(AuthFailure),
    /// The request is invalid; the message says what to correct.
    BadUserInput(String),
    /// The cursor is not one of this list.
    InvalidCursor,
    /// Too many requests; the next is accepted after this number of seconds.
    RateLimited(u64),
    /// The database, or a permit to run, was not available in time.
    Unavailable,
    /// The database's disk is full: reads still work.
    StorageFull,
    /// An unexpected error: logged, and hidden from the client.
    Internal(Arc<dyn std::error::Error + Send + Sync>),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A field that may be null: an error makes only the field null. (With `Result<Option<T>>` an error
/// makes the whole parent null.)
pub(crate) type Nullable<T> = Option<Result<T>>;

/// The reason why credentials are not accepted: the `extensions.reason` of `UNAUTHENTICATED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthFailure {
    NoCredentials,
    TokenExpired,
    TokenInvalid,
    SessionEnded,
    InsufficientScope,
}

impl AuthFailure {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoCredentials => "NO_CREDENTIALS",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenInvalid => "TOKEN_INVALID",
            Self::SessionEnded => "SESSION_ENDED",
            Self::InsufficientScope => "INSUFFICIENT_SCOPE",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::NoCredentials => "Sign in first.",
            Self::TokenExpired => "The access token has expired. Refresh the session.",
            Self::TokenInvalid => "The credentials are not valid. Sign in again.",
            Self::SessionEnded => "The session has ended. Sign in again.",
            Self::InsufficientScope => {
                "This access token does not permit the operation. Sign in, or, to change tasks or the \
                 profile, use an access token with the scope WRITE."
            }
        }
    }
}

/// The values of `extensions.code` that several modules use.
pub(crate) mod code {
    pub(crate) const BAD_REQUEST: &str = "BAD_REQUEST";
    pub(crate) const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
    pub(crate) const GRAPHQL_PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
    pub(crate) const GRAPHQL_VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
    pub(crate) const INTERNAL_SERVER_ERROR: &str = "INTERNAL_SERVER_ERROR";
    pub(crate) const INVALID_CURSOR: &str = "INVALID_CURSOR";
    pub(crate) const RATE_LIMITED: &str = "RATE_LIMITED";
    pub(crate) const SERVICE_UNAVAILABLE: &str = "SERVICE_UNAVAILABLE";
    pub(crate) const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
}

impl Error {
    pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(error))
    }

    /// An error for a state that the code rules out.
    pub(crate) fn bug(message: impl Into<String>) -> Self {
        Self::internal(io::Error::other(message.into()))
    }

    /// An error for a stored value that cannot be read: corruption.
    pub(crate) fn unreadable(what: &'static str, value: impl fmt::Debug) -> Self {
        Self::internal(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the database has a {what} that cannot be read: {value:?}"),
        ))
    }

    /// The message for an operator, who may see the causes of an internal error.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Internal(cause) => ErrorChain(&*cause).to_string(),
            Self::StorageFull => {
                "the disk of the database is full: free some space, and try again".to_owned()
            }
            error => error.message(),
        }
    }

    /// The `extensions.code`.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => code::UNAUTHENTICATED,
            Self::BadUserInput(_) => code::BAD_USER_INPUT,
            Self::InvalidCursor => code::INVALID_CURSOR,
            Self::RateLimited(_) => code::RATE_LIMITED,
            Self::Unavailable | Self::StorageFull => code::SERVICE_UNAVAILABLE,
            Self::Internal(_) => code::INTERNAL_SERVER_ERROR,
        }
    }

    /// The message for a client.
    pub(crate) fn message(&self) -> String {
        let fixed = match self {
            Self::Unauthenticated(reason) => reason.message(),
            Self::BadUserInput(message) => return message.clone(),
            Self::InvalidCursor => {
                "The cursor does not belong to this list. Start again without it."
            }
            Self::RateLimited(seconds) => {
                let wait = duration_text(*seconds);
                return format!("There were too many requests. Try again in {wait}.");
            }
            Self::Unavailable => "The service cannot answer right now. Try again shortly.",
            Self::StorageFull => {
                "The disk of the service is full, so nothing can be stored. Reading still works."
            }
            Self::Internal(_) => {
                "An internal error occurred. Report the requestId to the operator, who can find the cause in the log."
            }
        };
        fixed.to_owned()
    }
}
