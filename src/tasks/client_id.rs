//! A task's id that a client made, so that a create can be sent again.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    error::{Fault, UserErrorCode},
    id::TaskId,
};

/// The maximum time that a client's clock may be ahead.
pub(crate) const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);

/// Reads an id that a client minted: of a task, version 7, and not from the future, since the id
/// says when the task was made.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<TaskId, Fault> {
    let wrong = |message: &str| Fault::new(UserErrorCode::Invalid, message);
    let id: TaskId = text.parse().map_err(|_| {
        wrong("A task's id is task_ and a UUIDv7 in 26 characters, as the TypeID format writes it.")
    })?;
    match id.made_at() {
        None => Err(wrong("A task's id must hold a UUID of version 7.")),
        Some(made_at) if made_at > now.plus(MAX_CLOCK_SKEW) => Err(wrong(
            "The id was made more than five minutes in the future. Set the device's clock.",
        )),
        Some(_) => Ok(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Ids;

    #[test]
    fn a_minted_id_is_a_tasks_of_version_7_and_at_most_five_minutes_ahead() {
        let now = Timestamp::from_millis(1_795_258_938_000);
        let ahead = |duration| TaskId::new(&Ids::default(), now.plus(duration)).to_string();
        assert!(parse(&ahead(Duration::ZERO), now).is_ok());
        assert!(parse(&ahead(MAX_CLOCK_SKEW), now).is_ok());
        assert!(parse(&ahead(MAX_CLOCK_SKEW + Duration::from_millis(1)), now).is_err());
        // The specification's own example of another version.
        assert!(parse("task_00000000000000000000000000", now).is_err());
        assert!(parse("user_01h2xcejqtf2nbrexx3vqjhp41", now).is_err());
        assert!(parse("7", now).is_err());
    }
}
