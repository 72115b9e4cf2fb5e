//! What happened to an account, for its owner to read.

pub(in crate::identity) mod events;
