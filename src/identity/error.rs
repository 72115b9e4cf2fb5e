//! The error type of operations on accounts and sessions.

use crate::{
    error::{Error, Result, UserError},
    input::FieldErrors,
};

/// The reason why an operation failed.
pub(crate) enum IdentityError {
    /// Errors that the user can correct.
    User(Vec<UserError>),
    Failed(Error),
}

impl IdentityError {
    /// Returns the errors that the user can correct.
    ///
    /// # Errors
    /// Any other error, which fails the whole field.
    pub(in crate::identity) fn into_user_errors(self) -> Result<Vec<UserError>> {
        match self {
            Self::User(errors) => Ok(errors),
            Self::Failed(error) => Err(error),
        }
    }
}

impl From<Error> for IdentityError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<UserError> for IdentityError {
    fn from(error: UserError) -> Self {
        Self::User(vec![error])
    }
}

impl From<FieldErrors> for IdentityError {
    fn from(FieldErrors(errors): FieldErrors) -> Self {
        Self::User(errors)
    }
}
