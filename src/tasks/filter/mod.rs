//! Filters of tasks: their inputs, and their conversion to conditions of a query.

mod condition;
mod input;
mod times;

pub(super) use input::TaskFilter;
pub(super) use times::{is_due_within, is_overdue};
