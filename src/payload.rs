//! Converts the result of a change of a synced entity to the row and user errors of a payload.

use crate::{
    error::{FieldError, Result, UserError, UserErrorCode},
    scope::{SyncError, Synced},
};

/// Returns the row and the user errors of a payload. On a version conflict, the row is the stored
/// one.
pub(crate) fn of<E: Synced>(
    result: std::result::Result<E::Model, SyncError<E::Model>>,
) -> Result<(Option<E::Model>, Vec<UserError>)> {
    let kind = E::KIND;
    let of_id = |code, message| Ok((None, vec![FieldError::new(code, message).at("id")]));
    match result {
        Ok(row) => Ok((Some(row), Vec::new())),
        Err(SyncError::Unchanged(row)) => Ok((Some(*row), Vec::new())),
        Err(SyncError::Conflict(row, version)) => {
            Ok((Some(*row), vec![UserError::version_conflict(version)]))
        }
        Err(SyncError::NotFound) => {
            of_id(UserErrorCode::NotFound, format!("There is no such {kind}."))
        }
        Err(SyncError::WasDeleted) => of_id(
            UserErrorCode::AlreadyExists,
            format!("A {kind} with this id has been deleted. Use a new id."),
        ),
        Err(SyncError::Failed(error)) => Err(error),
    }
}
