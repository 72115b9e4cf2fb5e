//! The rows of accounts: people, their sessions, and the count of their task changes.

pub(super) mod sessions;
pub(super) mod task_logs;
pub(super) mod users;
