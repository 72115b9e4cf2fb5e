//! The maximum number of tasks of one person.

use crate::config::AccountLimits;

/// More tasks than one person may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitReached {
    max_tasks: u32,
    would_be: i64,
}

/// Refuses a change after which there would be more tasks than one person may have.
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
    /// The message for somebody who creates a task.
    pub(super) fn of_account(self) -> String {
        let Self { max_tasks, .. } = self;
        format!("An account may have {max_tasks} tasks. Delete some that are no longer needed.")
    }

    /// The message for somebody who stores many on the command line.
    pub(crate) fn of_command(self) -> String {
        let Self {
            max_tasks,
            would_be,
        } = self;
        format!(
            "an account may have {max_tasks} tasks, and there would be {would_be}: store fewer, or raise \
             CUBBY_MAX_TASKS"
        )
    }
}
