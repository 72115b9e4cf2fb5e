//! Cryptography: the server's secrets, the keys derived from them, encrypted and signed text.

pub(crate) mod jwt;
pub(crate) mod sealer;
pub(crate) mod secret;
pub(crate) mod signed_text;
