//! The rows of accounts: people, their sessions, the count of their task changes, and the keys that
//! tokens are signed with.

pub(super) mod sessions;
pub(super) mod signing_keys;
pub(super) mod task_logs;
pub(super) mod users;
