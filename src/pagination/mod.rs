//! Pages through lists as GraphQL connections, with keysets that order them and cursors.

pub(crate) mod connection;
pub(crate) mod keyset;
pub(crate) mod page;
