//! Validates task ids that clients generate. With such an id, a client can safely repeat a create.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    error::{FieldError, UserErrorCode},
    id::TaskId,
};

/// The maximum time by which a client's clock may be ahead of the server's.
pub(crate) const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);

/// Parses an id that a client generated: a task's, with a UUIDv7 whose time is at most
/// [`MAX_CLOCK_SKEW`] after `now`. This time becomes the task's creation time.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<TaskId, FieldError> {
    let wrong = |message: &str| FieldError::new(UserErrorCode::Invalid, message);
    let id: TaskId = text.parse().map_err(|_| {
        wrong("A task's id must be task_ and a UUIDv7 in 26 characters, in the TypeID format.")
    })?;
    match id.created_at() {
        None => Err(wrong("A task's id must contain a UUID of version 7.")),
        Some(made_at) if made_at > now.plus(MAX_CLOCK_SKEW) => Err(wrong(
            "The id's time is more than five minutes in the future. Set the device's clock.",
        )),
        Some(_) => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdGenerator;

    #[test]
    fn client_id_is_a_task_uuidv7_at_most_five_minutes_ahead() {
        let now = Timestamp::from_millis(1_795_258_938_000);
        let ahead = |duration| TaskId::new(&IdGenerator::default(), now.plus(duration)).to_string();
        assert!(parse(&ahead(Duration::ZERO), now).is_ok());
        assert!(parse(&ahead(MAX_CLOCK_SKEW), now).is_ok());
        assert!(parse(&ahead(MAX_CLOCK_SKEW + Duration::from_millis(1)), now).is_err());
        // An example of the TypeID specification, with a UUID of another version.
        assert!(parse("task_00000000000000000000000000", now).is_err());
        assert!(parse("user_01h2xcejqtf2nbrexx3vqjhp41", now).is_err());
        assert!(parse("7", now).is_err());
    }
}
