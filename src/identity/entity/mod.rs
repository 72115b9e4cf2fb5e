//! The database entities of identity: users and their rows, attempt counters and signing keys.

pub(super) mod challenges;
pub(super) mod credential_attempts;
pub(super) mod credentials;
pub(super) mod emails;
pub(super) mod external_subjects;
pub(super) mod identities;
pub(super) mod known_networks;
pub(super) mod security_events;
pub(super) mod sessions;
pub(super) mod signing_keys;
pub(super) mod users;
