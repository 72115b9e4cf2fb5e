//! Errors: top-level errors of the response, user errors of a payload, and their text for the log.

mod internal;
mod retry;
mod top_level;
mod user_error;

pub(crate) use internal::{ErrorChain, Panicked};
pub(crate) use retry::{RETRY_AFTER, RETRY_AFTER_SECONDS};
pub(crate) use top_level::{AuthFailure, Error, Nullable, Result, code};
pub(crate) use user_error::{FieldError, UserError, UserErrorCode, WeakPasswordReason};
