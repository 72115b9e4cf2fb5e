//! phpass hashes of WordPress, phpBB and Drupal 7: thousands of rounds of MD5 or SHA-512.

use aws_lc_rs::{
    constant_time,
    digest::{SHA512, digest},
};
use md5::{Digest, Md5};

use crate::identity::credentials::password::imported_hash::{HashError, encoding::text_salt};

/// The maximum of log₂ of the number of rounds.
const MAX_LOG_ROUNDS: usize = 20;

const SALT_BYTES: usize = 8;

/// The lengths of the encoded hash. Drupal truncates that of SHA-512.
const MD5_CHARS: usize = 22;
const SHA512_CHARS: usize = 43;

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(in crate::identity::credentials::password) struct Phpass {
    digest: fn(&[u8]) -> Vec<u8>,
    log_rounds: usize,
    salt: Vec<u8>,
    encoded: String,
}

impl Phpass {
    /// Parses the rest after `$P$` or `$H$`.
    pub(super) fn md5(rest: &str) -> Result<Self, HashError> {
        Self::of(|bytes| Md5::digest(bytes).to_vec(), MD5_CHARS, rest)
    }

    /// Parses the rest after `$S$`.
    pub(super) fn sha512(rest: &str) -> Result<Self, HashError> {
        let sha512 = |bytes: &[u8]| digest(&SHA512, bytes).as_ref().to_vec();
        Self::of(sha512, SHA512_CHARS, rest)
    }

    /// Parses a character for the number of rounds, the salt and the hash.
    fn of(digest: fn(&[u8]) -> Vec<u8>, chars: usize, rest: &str) -> Result<Self, HashError> {
        let is_known = |byte| ALPHABET.contains(&byte);
        if rest.len() != 1 + SALT_BYTES + chars || !rest.bytes().all(is_known) {
            return Err(HashError::Unknown);
        }
        let (rounds, rest) = rest.split_at(1);
        let (salt, encoded) = rest.split_at(SALT_BYTES);
        let log_rounds = ALPHABET
            .iter()
            .position(|char| rounds.as_bytes() == [*char]);
        let log_rounds = log_rounds.ok_or(HashError::Unknown)?;
        if log_rounds > MAX_LOG_ROUNDS {
            let limit = format!("2 to the power of {MAX_LOG_ROUNDS} rounds for phpass");
            return Err(HashError::TooExpensive(limit));
        }
        Ok(Self {
            digest,
            log_rounds,
            salt: text_salt(salt)?,
            encoded: encoded.to_owned(),
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut hash = (self.digest)(&[&self.salt, password].concat());
        for _ in 0..1 << self.log_rounds {
            hash = (self.digest)(&[&hash, password].concat());
        }
        let mut found = encode(&hash);
        found.truncate(self.encoded.len());
        constant_time::verify_slices_are_equal(&found, self.encoded.as_bytes()).is_ok()
    }
}

/// Encodes each three bytes as four characters, lowest bits first.
fn encode(bytes: &[u8]) -> Vec<u8> {
    let groups = bytes.chunks(3).flat_map(|group| {
        let bits = group
            .iter()
            .rev()
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        (0..=group.len()).map(move |at| ALPHABET[bits >> (6 * at) & 63])
    });
    groups.collect()
}
