//! Cryptography: the server's secrets, the keys derived from them, and signed text.

pub(crate) mod jwt;
pub(crate) mod secret;
pub(crate) mod signed_text;
