//! Keys and signatures: the server's secrets, and what is derived from them.

pub(crate) mod jwt;
pub(crate) mod secret;
pub(crate) mod signed_text;
