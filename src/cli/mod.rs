//! The commands that look after a running service, and what they say.

pub(crate) mod doctor;
pub(crate) mod user;
