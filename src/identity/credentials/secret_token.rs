//! Random secrets of tokens, of which the database stores only the SHA-256. They have 256 random bits,
//! so a slow hash would add no security.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::error::{Error, Result};

/// Returns a new secret, 43 characters of base64url.
pub(in crate::identity) fn generate() -> Result<String> {
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret)
        .map_err(|error| Error::internal(std::io::Error::other(error)))?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

pub(in crate::identity) fn digest_of(secret: &str) -> Vec<u8> {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    digest.as_ref().to_vec()
}

/// Returns true if the stored digest is that of the secret. Compares in constant time.
pub(in crate::identity) fn matches(secret: &str, stored: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(stored, &digest_of(secret)).is_ok()
}
