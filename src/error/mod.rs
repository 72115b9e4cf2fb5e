//! The errors: those that fail a request or a field, those that a user can correct, and their text for the log.

mod internal;
mod retry;
mod top_level;
mod user_error;

pub(crate) use internal::{ErrorChain, Panicked};
pub(crate) use retry::{RETRY_AFTER, RETRY_AFTER_SECONDS};
pub(crate) use top_level::{Error, Nullable, Reason, Result, code};
pub(crate) use user_error::{Fault, UserError, UserErrorCode, WeakPasswordReason};
