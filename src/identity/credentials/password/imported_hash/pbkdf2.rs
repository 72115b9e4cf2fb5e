//! PBKDF2 hashes, in the formats of PHC strings, Passlib, Django, Werkzeug, Spring Security, LDAP
//! and ASP.NET Core Identity.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;

use crate::identity::credentials::password::imported_hash::{
    HashError,
    encoding::{MIN_KEY_BYTES, base64, base64_key, hex_key, number, parts, text_salt},
};

/// The maximum number of iterations, summed over all blocks of the key.
const MAX_ITERATIONS: u64 = 5_000_000;

/// The length of the salt that precedes the key in Spring Security's original format and in that of
/// 5.8.
const SPRING_SALT_BYTES: usize = 8;
const SPRING_5_8_SALT_BYTES: usize = 16;

/// The lengths of the salt and the key in ASP.NET Identity 2.
const ASP_NET_2_BYTES: (usize, usize) = (16, 32);

pub(in crate::identity::credentials::password) struct Pbkdf2 {
    algorithm: pbkdf2::Algorithm,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    key: Vec<u8>,
}

impl Pbkdf2 {
    /// Parses a scheme such as `pbkdf2-sha256` and the rest, `i=600000,l=32$salt$key`, or
    /// `600000$salt$key` in Passlib's format.
    pub(super) fn phc(scheme: &str, rest: &str) -> Result<Self, HashError> {
        let digest = match scheme {
            "pbkdf2" => "sha1",
            _ => scheme.strip_prefix("pbkdf2-").ok_or(HashError::Unknown)?,
        };
        let [params, salt, key] = parts(rest)?;
        let iterations = params.split(',').next().unwrap_or_default();
        let iterations = iterations.strip_prefix("i=").unwrap_or(iterations);
        Self::of(
            digest,
            number(Some(iterations))?,
            base64(salt)?,
            base64_key(key)?,
        )
    }

    /// Parses Django's digest, such as `sha256`, and the rest, `600000$salt$key`.
    pub(super) fn django(digest: &str, rest: &str) -> Result<Self, HashError> {
        let [iterations, salt, key] = parts(rest)?;
        let salt = text_salt(salt)?;
        Self::of(digest, number(Some(iterations))?, salt, base64_key(key)?)
    }

    /// Parses Werkzeug's parameters, such as `sha256:600000`, and the rest, `salt$key`.
    pub(super) fn werkzeug(params: &str, rest: &str) -> Result<Self, HashError> {
        let (digest, iterations) = params.split_once(':').ok_or(HashError::Unknown)?;
        let [salt, key] = parts(rest)?;
        let salt = text_salt(salt)?;
        Self::of(digest, number(Some(iterations))?, salt, hex_key(key)?)
    }

    /// Parses Spring Security's format, the salt and the key in hexadecimal digits, or LDAP's,
    /// which is Passlib's.
    pub(super) fn parse_braced(scheme: &str, hash: &str) -> Result<Self, HashError> {
        if hash.contains('$') {
            return Self::phc(scheme, hash);
        }
        let (digest, iterations, salt_bytes) = match scheme {
            "pbkdf2" => ("sha1", 185_000, SPRING_SALT_BYTES),
            "pbkdf2@springsecurity_v5_8" => ("sha256", 310_000, SPRING_5_8_SALT_BYTES),
            _ => return Err(HashError::Unknown),
        };
        let bytes = hex_key(hash)?;
        let (salt, key) = bytes
            .split_at_checked(salt_bytes)
            .ok_or(HashError::Unknown)?;
        Self::of(digest, iterations, salt.to_vec(), key.to_vec())
    }

    /// Parses the format of ASP.NET Core Identity: Base64 of a version byte and that version's
    /// fields.
    pub(super) fn asp_net(text: &str) -> Result<Self, HashError> {
        let bytes = base64_key(text)?;
        let (version, rest) = bytes.split_first().ok_or(HashError::Unknown)?;
        match version {
            0 => {
                let (salt_bytes, key_bytes) = ASP_NET_2_BYTES;
                if rest.len() != salt_bytes + key_bytes {
                    return Err(HashError::Unknown);
                }
                let (salt, key) = rest.split_at(salt_bytes);
                Self::of("sha1", 1_000, salt.to_vec(), key.to_vec())
            }
            1 => {
                let (digest, rest) = take_number(rest)?;
                let (iterations, rest) = take_number(rest)?;
                let (salt_bytes, rest) = take_number(rest)?;
                let salt_bytes = usize::try_from(salt_bytes).map_err(|_| HashError::Unknown)?;
                let (salt, key) = rest
                    .split_at_checked(salt_bytes)
                    .ok_or(HashError::Unknown)?;
                let digest = match digest {
                    0 => "sha1",
                    1 => "sha256",
                    2 => "sha512",
                    _ => return Err(HashError::Unknown),
                };
                Self::of(digest, iterations, salt.to_vec(), key.to_vec())
            }
            _ => Err(HashError::Unknown),
        }
    }

    fn of(digest: &str, iterations: u32, salt: Vec<u8>, key: Vec<u8>) -> Result<Self, HashError> {
        let (algorithm, digest_bytes) = match digest {
            "sha1" => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            "sha256" => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            "sha384" => (pbkdf2::PBKDF2_HMAC_SHA384, 48),
            "sha512" => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
            _ => return Err(HashError::Unknown),
        };
        if key.len() < MIN_KEY_BYTES {
            return Err(HashError::Unknown);
        }
        let blocks = key.len().div_ceil(digest_bytes) as u64;
        if u64::from(iterations) * blocks > MAX_ITERATIONS {
            let limit = "5,000,000 iterations for PBKDF2, summed over all blocks of the key";
            return Err(HashError::TooExpensive(limit.to_owned()));
        }
        Ok(Self {
            algorithm,
            iterations: NonZeroU32::new(iterations).ok_or(HashError::Unknown)?,
            salt,
            key,
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let (salt, key) = (&self.salt, &self.key);
        pbkdf2::verify(self.algorithm, self.iterations, salt, password, key).is_ok()
    }
}

fn take_number(bytes: &[u8]) -> Result<(u32, &[u8]), HashError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(HashError::Unknown)?;
    Ok((u32::from_be_bytes(*number), rest))
}
