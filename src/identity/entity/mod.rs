//! The rows of accounts: people, their sessions, what happened to them, where from, how often
//! somebody guessed, the keys that tokens are signed with, and the count of their task changes.

pub(super) mod credential_attempts;
pub(super) mod deleted_tasks;
pub(super) mod identities;
pub(super) mod known_networks;
pub(super) mod security_events;
pub(super) mod sessions;
pub(super) mod signing_keys;
pub(super) mod users;
