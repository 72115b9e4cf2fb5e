//! The maximum number of tasks of a user: checks it before tasks are stored.

use crate::config::AccountLimits;

/// The error for more tasks than a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitReached {
    max_tasks: u32,
    would_be: i64,
}

/// Rejects a change after which a user would have more than `max_tasks` tasks.
pub(crate) fn check(would_be: i64, limits: AccountLimits) -> Result<(), LimitReached> {
    let AccountLimits { max_tasks } = limits;
    if would_be > i64::from(max_tasks) {
        return Err(LimitReached {
            max_tasks,
            would_be,
        });
    }
    Ok(())
}

impl LimitReached {
    /// Returns the message for a client that creates a task.
    pub(super) fn of_account(self) -> String {
        let Self { max_tasks, .. } = self;
        format!("An account can have at most {max_tasks} tasks. Delete some first.")
    }

    /// Returns the message for an operator who stores tasks with a command.
    pub(crate) fn of_command(self) -> String {
        let Self {
            max_tasks,
            would_be,
        } = self;
        format!(
            "an account can have at most {max_tasks} tasks, and this one would have {would_be}: store \
             fewer, or raise CUBBY_MAX_TASKS"
        )
    }
}
