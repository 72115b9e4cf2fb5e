//! Settings and hashing for JSON Web Tokens (RFC 7519), shared by every verifier.

use aws_lc_rs::digest;
use jsonwebtoken::{Algorithm, Validation};

/// Returns a validation of the signature and the algorithm alone. The caller checks the claims,
/// with the server's clock.
pub(crate) fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// Returns the SHA-256 of a whole token, the key of a cache of verified tokens.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
