//! The errors: what a person can put right, what a client's link handles, and what is ours.

use std::{any::Any, fmt, io, sync::Arc};

use async_graphql::{Enum, ErrorExtensions, Interface, SimpleObject};

/// Why something could not be done at all: a top-level error, with a code.
///
/// It has no `Display`, so that the engine's blanket conversion cannot carry a driver's words to a
/// client; the one conversion is below.
#[derive(Clone, Debug)]
pub(crate) enum Error {
    /// Nobody may do this; or no longer.
    Unauthenticated(Reason),
    /// The request is wrong in a way that only its author can put right.
    BadUserInput(String),
    /// The cursor is none of ours.
    InvalidCursor,
    /// There was too much of it; after so many seconds there may be more.
    RateLimited(u64),
    /// The database, or room in a queue, could not be had in time.
    Unavailable,
    /// The database's disk is full: reads still work.
    StorageFull,
    /// Ours to mend; the client is told nothing.
    Internal(Arc<dyn std::error::Error + Send + Sync>),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A field that may be null: an error in it makes only the field null. (The engine takes an error in
/// a `Result<Option<T>>` for the whole parent's.)
pub(crate) type Nullable<T> = Option<Result<T>>;

/// Why credentials open nothing; the `extensions.reason` of `UNAUTHENTICATED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    NoCredentials,
    TokenExpired,
    TokenInvalid,
    SessionEnded,
    InsufficientScope,
}

impl Reason {
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
                "This access token does not reach that far. Sign in, or use one with the scope WRITE \
                 where that is enough."
            }
        }
    }
}

/// Seconds that a client waits before it tries again what was unavailable.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 1;

/// The extension that says after how many seconds to try again.
pub(crate) const RETRY_AFTER: &str = "retryAfter";

/// The values of `extensions.code` that more than one place writes or reads.
pub(crate) mod code {
    pub(crate) const BAD_REQUEST: &str = "BAD_REQUEST";
    pub(crate) const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
    pub(crate) const GRAPHQL_PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
    pub(crate) const GRAPHQL_VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
    pub(crate) const INTERNAL_SERVER_ERROR: &str = "INTERNAL_SERVER_ERROR";
    pub(crate) const RATE_LIMITED: &str = "RATE_LIMITED";
    pub(crate) const SERVICE_UNAVAILABLE: &str = "SERVICE_UNAVAILABLE";
    pub(crate) const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
}

impl Error {
    pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(error))
    }

    /// A state of the process that its own code rules out.
    pub(crate) fn bug(message: impl Into<String>) -> Self {
        Self::internal(io::Error::other(message.into()))
    }

    /// A stored value that cannot be read back: corruption, and never taken for another value.
    pub(crate) fn unreadable(what: &'static str, value: impl fmt::Debug) -> Self {
        Self::internal(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the database has a {what} that cannot be read: {value:?}"),
        ))
    }

    /// The message for an operator, who may see the causes of an internal error.
    pub(crate) fn into_message(self) -> String {
        match self {
            Self::Internal(cause) => Chain(&*cause).to_string(),
            Self::StorageFull => {
                "the disk of the database is full: free some space, and try again".to_owned()
            }
            error => async_graphql::Error::from(error).message,
        }
    }
}

/// The one place where an unexpected error becomes an answer, and so the one that logs it; the
/// line carries the request's id, which is in the span around it.
impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        let (code, message) = match &error {
            Error::Unauthenticated(reason) => (code::UNAUTHENTICATED, reason.message().to_owned()),
            Error::BadUserInput(message) => (code::BAD_USER_INPUT, message.clone()),
            Error::InvalidCursor => (
                "INVALID_CURSOR",
                "The cursor does not belong to this list. Start again without it.".to_owned(),
            ),
            Error::RateLimited(seconds) => (
                code::RATE_LIMITED,
                format!(
                    "There were too many requests. Try again in {}.",
                    span(*seconds)
                ),
            ),
            Error::Unavailable => (
                code::SERVICE_UNAVAILABLE,
                "The service cannot answer right now. Try again shortly.".to_owned(),
            ),
            Error::StorageFull => (
                code::SERVICE_UNAVAILABLE,
                "The service has no room to store anything right now. Reading still works."
                    .to_owned(),
            ),
            Error::Internal(cause) => {
                tracing::error!(error = %Chain(cause.as_ref()), "internal error");
                (code::INTERNAL_SERVER_ERROR, INTERNAL_MESSAGE.to_owned())
            }
        };
        Self::new(message).extend_with(|_, extensions| {
            extensions.set("code", code);
            match error {
                Error::Unauthenticated(reason) => extensions.set("reason", reason.as_str()),
                Error::RateLimited(seconds) => extensions.set(RETRY_AFTER, seconds),
                _ => {}
            }
        })
    }
}

/// All that a client is told of an error of ours.
pub(crate) const INTERNAL_MESSAGE: &str =
    "Something went wrong on our side. Its requestId finds it in the log.";

/// An error and its causes, on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// What a panic said, as an error: for the log alone.
#[derive(Debug)]
pub(crate) struct Panicked(String);

impl Panicked {
    pub(crate) fn with(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(message.unwrap_or("something that is no text").to_owned())
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it panicked: {}", self.0)
    }
}

impl std::error::Error for Panicked {}

/// What a person can put right, next to the field that it is about.
#[derive(Clone, Debug, Interface)]
#[graphql(
    field(name = "message", ty = "&String", desc = "English, safe to show."),
    field(
        name = "code",
        ty = "&UserErrorCode",
        desc = "What kind of error it is."
    ),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "Where in the arguments, such as `[\"input\", \"title\"]`; null when it is about no \
                one field."
    )
)]
pub(crate) enum UserError {
    Input(InputError),
    WeakPassword(WeakPasswordError),
    RateLimited(RateLimitedError),
    VersionConflict(VersionConflictError),
}

/// What kind of error a `UserError` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum UserErrorCode {
    /// It cannot be empty or null.
    Required,
    /// It has the wrong form.
    Invalid,
    TooShort,
    TooLong,
    /// It is before or beyond what it may be.
    OutOfRange,
    /// There is no such thing; or it is somebody else's, which is the same.
    NotFound,
    /// The id has been used before.
    AlreadyExists,
    EmailInvalid,
    EmailTaken,
    PasswordTooWeak,
    /// The address and the password do not belong together.
    InvalidCredentials,
    /// The account has none: another identity provider vouches for the person.
    NoPassword,
    /// The refresh token opens nothing.
    TokenInvalid,
    /// The refresh token had been replaced by one that is in use, and the session has ended.
    TokenReused,
    /// There were too many attempts.
    RateLimited,
    /// It was changed since the version named in `ifVersion`.
    VersionConflict,
    /// There are as many as there may be.
    LimitReached,
    /// The service makes no accounts by `signUp`: its operator makes them (`CUBBY_SIGN_UP=closed`).
    SignUpDisabled,
}

/// One argument that needs another value.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct InputError {
    message: String,
    code: UserErrorCode,
    path: Option<Vec<String>>,
}

/// A password that is refused, and why.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WeakPasswordError {
    message: String,
    code: UserErrorCode,
    path: Option<Vec<String>>,
    reasons: Vec<WeakPasswordReason>,
}

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum WeakPasswordReason {
    TooShort,
    TooLong,
    /// One of the most used passwords, or one of them repeated, whatever its case.
    Common,
    /// Hardly anything is left of it without the person's address or name.
    ContainsPersonalInfo,
    /// Hardly anything is left of it without the service's name.
    ContainsServiceName,
}

/// Too many attempts: the next may be made later.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RateLimitedError {
    message: String,
    code: UserErrorCode,
    path: Option<Vec<String>>,
    /// Seconds until the next attempt may be made.
    retry_after: u64,
}

/// The row moved on since `ifVersion`; the payload's own entity is the row as it is stored.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct VersionConflictError {
    message: String,
    code: UserErrorCode,
    path: Option<Vec<String>>,
    /// The version that is stored.
    current_version: i32,
}

impl UserError {
    pub(crate) fn rate_limited(retry_after: u64) -> Self {
        Self::RateLimited(RateLimitedError {
            message: format!(
                "There were too many attempts. Try again in {}.",
                span(retry_after)
            ),
            code: UserErrorCode::RateLimited,
            path: None,
            retry_after,
        })
    }

    pub(crate) fn version_conflict(current_version: i32) -> Self {
        Self::VersionConflict(VersionConflictError {
            message: format!(
                "It was changed since: it is at version {current_version} now. Merge and send \
                 again."
            ),
            code: UserErrorCode::VersionConflict,
            path: path_to("ifVersion"),
            current_version,
        })
    }
}

/// Why a value was refused, before it is known which argument it came from.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    code: UserErrorCode,
    message: String,
    weaknesses: Vec<WeakPasswordReason>,
}

impl Fault {
    pub(crate) fn new(code: UserErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            weaknesses: Vec::new(),
        }
    }

    pub(crate) fn weak_password(
        message: impl Into<String>,
        weaknesses: Vec<WeakPasswordReason>,
    ) -> Self {
        Self {
            code: UserErrorCode::PasswordTooWeak,
            message: message.into(),
            weaknesses,
        }
    }

    /// What to do about it.
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// The error for the field `field` of the `input` argument.
    pub(crate) fn at(self, field: &str) -> UserError {
        self.with_path(path_to(field))
    }

    /// The error when it is about no one field.
    pub(crate) fn nowhere(self) -> UserError {
        self.with_path(None)
    }

    fn with_path(self, path: Option<Vec<String>>) -> UserError {
        let Self {
            code,
            message,
            weaknesses,
        } = self;
        if weaknesses.is_empty() {
            UserError::Input(InputError {
                message,
                code,
                path,
            })
        } else {
            UserError::WeakPassword(WeakPasswordError {
                message,
                code,
                path,
                reasons: weaknesses,
            })
        }
    }
}

/// Seconds, as a person says them: rounded up to minutes when there are many.
fn span(seconds: u64) -> String {
    match seconds {
        1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

fn path_to(field: &str) -> Option<Vec<String>> {
    Some(vec!["input".to_owned(), field.to_owned()])
}
