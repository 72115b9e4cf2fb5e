//! Security events of an account, for its owner to read.

pub(in crate::identity) mod events;
