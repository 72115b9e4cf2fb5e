//! The errors that a user can correct, each with the field that it concerns.

use async_graphql::{Enum, Interface, SimpleObject};

use super::retry::duration_text;

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
                duration_text(retry_after)
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

/// An error in a value whose argument is not known yet.
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

    /// The message, without a path.
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// The error for the field `field` of the `input` argument.
    pub(crate) fn at(self, field: &str) -> UserError {
        self.with_path(path_to(field))
    }

    /// The error without a path, if it concerns no single field.
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

fn path_to(field: &str) -> Option<Vec<String>> {
    Some(vec!["input".to_owned(), field.to_owned()])
}
