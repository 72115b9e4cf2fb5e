//! Payloads of mutations that change synced entities.

use crate::{
    error::{Fault, Result, UserError, UserErrorCode},
    scope::{SyncError, Synced},
};

/// The row and the errors of a payload: on a version conflict, the row as it is stored.
pub(crate) fn of<E: Synced>(
    result: std::result::Result<E::Model, SyncError<E::Model>>,
) -> Result<(Option<E::Model>, Vec<UserError>)> {
    let kind = E::KIND;
    let of_id = |code, message| Ok((None, vec![Fault::new(code, message).at("id")]));
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
            format!("There was a {kind} with this id, and it was deleted. Make a new id."),
        ),
        Err(SyncError::Failed(error)) => Err(error),
    }
}
