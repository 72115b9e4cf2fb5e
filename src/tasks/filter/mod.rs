//! Filters of tasks.

mod condition;
mod input;
mod times;

pub(super) use input::TaskFilter;
pub(super) use times::{is_due_within, is_overdue};
