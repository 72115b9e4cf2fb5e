//! Lists as connections: pages, the keysets that order them, and their cursors.

pub(crate) mod connection;
pub(crate) mod keyset;
pub(crate) mod page;
