//! The errors that a user can correct, each with the field that it concerns.

use async_graphql::{Enum, Interface, SimpleObject};

use super::retry::duration_text;

/// Error that the user can correct, in the `userErrors` of a mutation's payload.
#[derive(Clone, Debug, Interface)]
#[graphql(
    field(
        name = "message",
        ty = "&String",
        desc = "Explanation in English that can be shown to the user."
    ),
    field(
        name = "code",
        ty = "&UserErrorCode",
        desc = "Kind of the error, for programs to decide by."
    ),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "Path of the input field that the error concerns, such as `[\"input\", \"title\"]`; \
                null if it concerns no single field."
    )
)]
pub(crate) enum UserError {
    Input(InputError),
    WeakPassword(WeakPasswordError),
    RateLimited(RateLimitedError),
    VersionConflict(VersionConflictError),
}

/// Kind of a `UserError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum UserErrorCode {
    /// The value is required: it cannot be empty or null.
    Required,
    /// The value has an invalid form, such as a title with control characters; `message` says which
    /// form is valid.
    Invalid,
    /// The text has fewer than its minimum number of code points, such as an empty name. For
    /// passwords see `PASSWORD_TOO_WEAK`.
    TooShort,
    /// The text has more than its maximum number of code points, such as a title of more than 500.
    TooLong,
    /// The value is outside its range, such as an `expiresAt` in the past.
    OutOfRange,
    /// The object does not exist, or it belongs to another user.
    NotFound,
    /// The `id` of `createTask` belonged to a task that was deleted. Generate another id.
    AlreadyExists,
    /// The text is not an email address, or has more than 254 bytes.
    EmailInvalid,
    /// Another account has this email address, ignoring case.
    EmailTaken,
    /// The new password is too weak: see `WeakPasswordError.reasons`.
    PasswordTooWeak,
    /// The email and the password do not match an account, or the current password is wrong.
    InvalidCredentials,
    /// The account has no password: the user signs in through an external identity provider.
    NoPassword,
    /// The token is invalid. A refresh token: its session has ended, so sign in again. A token of a
    /// mail: it has expired, was used, or was replaced by a newer one, so request a new one.
    TokenInvalid,
    /// The refresh token had already been replaced by a newer one that is in use. The session has
    /// ended, because the token may have been stolen. Sign in again.
    TokenReused,
    /// Too many attempts. Try again after `retryAfter` seconds: see `RateLimitedError`.
    RateLimited,
    /// The task has changed since the version in `ifVersion`: see `VersionConflictError`.
    VersionConflict,
    /// The maximum number is reached: `service.limits.maxTasks` tasks, or 100 personal access
    /// tokens.
    LimitReached,
    /// Sign-up is closed: only the operator creates accounts (`CUBBY_SIGN_UP=closed`).
    SignUpDisabled,
    /// The server sends no mail: the operator has not set `CUBBY_SMTP_URL`.
    MailDisabled,
}

/// An input value that was rejected; `code` says why.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct InputError {
    /// Explanation in English that can be shown to the user.
    message: String,
    /// Kind of the error, for programs to decide by.
    code: UserErrorCode,
    /// Path of the input field that the error concerns, such as `["input", "title"]`; null if it
    /// concerns no single field.
    path: Option<Vec<String>>,
}

/// A new password that was rejected as too weak.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct WeakPasswordError {
    /// Explanation in English that can be shown to the user.
    message: String,
    /// Always `PASSWORD_TOO_WEAK`.
    code: UserErrorCode,
    /// Path of the new password: `["input", "password"]` or `["input", "newPassword"]`.
    path: Option<Vec<String>>,
    /// All reasons why the password is rejected; at least one.
    reasons: Vec<WeakPasswordReason>,
}

/// Reason why a new password is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(crate) enum WeakPasswordReason {
    /// Fewer code points than `service.passwordPolicy.minLength`.
    TooShort,
    /// More code points than `service.passwordPolicy.maxLength`.
    TooLong,
    /// The password is one of the most common passwords, or a repetition of one, ignoring case.
    Common,
    /// The password contains the user's email or name, or a part of them, and fewer than 15 other
    /// code points.
    ContainsPersonalInfo,
    /// The password contains the service's name, `cubby`, and fewer than 15 other code points.
    ContainsServiceName,
}

/// Too many attempts in a short time.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct RateLimitedError {
    /// Explanation in English that can be shown to the user.
    message: String,
    /// Always `RATE_LIMITED`.
    code: UserErrorCode,
    /// Always null: the error concerns no single field.
    path: Option<Vec<String>>,
    /// Number of seconds until the next attempt is accepted.
    retry_after: u64,
}

/// The task has changed since the version in `ifVersion`. A payload with a `task` contains its
/// current state.
#[derive(Clone, Debug, SimpleObject)]
pub(crate) struct VersionConflictError {
    /// Explanation in English that can be shown to the user.
    message: String,
    /// Always `VERSION_CONFLICT`.
    code: UserErrorCode,
    /// Always `["input", "ifVersion"]`.
    path: Option<Vec<String>>,
    /// Current version of the task. Send it as `ifVersion` after merging the changes.
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
                "The object has changed since ifVersion: its current version is {current_version}. \
                 Merge the changes and send again."
            ),
            code: UserErrorCode::VersionConflict,
            path: path_to("ifVersion"),
            current_version,
        })
    }
}

/// An error in a value whose argument is not known yet.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    code: UserErrorCode,
    message: String,
    weaknesses: Vec<WeakPasswordReason>,
}

impl FieldError {
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

    /// Returns the message.
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// Returns the error for the field `field` of the argument `input`.
    pub(crate) fn at(self, field: &str) -> UserError {
        self.with_path(path_to(field))
    }

    /// Returns the error without a path, if it concerns no single field.
    pub(crate) fn without_path(self) -> UserError {
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
