//! SHA-crypt hashes of `crypt(3)`.

use sha_crypt::{PasswordHashRef, PasswordVerifier};

use crate::identity::credentials::password::imported_hash::{HashError, encoding::number};

const MIN_ROUNDS: u32 = 1_000;
const MAX_ROUNDS: u32 = 1_000_000;

/// The lengths of an encoded hash by SHA-256 and by SHA-512.
const SHA256_CHARS: usize = 43;
const SHA512_CHARS: usize = 86;

pub(in crate::identity::credentials::password) struct ShaCrypt(String);

impl ShaCrypt {
    /// Parses `$6$salt$hash` or `$6$rounds=5000$salt$hash`; with `$5$` for SHA-256.
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        let parts: Vec<_> = text.split('$').collect();
        let (algorithm, rounds, hash) = match parts.as_slice() {
            ["", algorithm, _salt, hash] => (algorithm, None, hash),
            ["", algorithm, rounds, _salt, hash] => {
                let rounds = rounds.strip_prefix("rounds=").ok_or(HashError::Unknown)?;
                (algorithm, Some(rounds), hash)
            }
            _ => return Err(HashError::Unknown),
        };
        let chars = match *algorithm {
            "5" => SHA256_CHARS,
            _ => SHA512_CHARS,
        };
        if hash.len() != chars {
            return Err(HashError::Unknown);
        }
        let rounds = rounds.map_or(Ok(MIN_ROUNDS), |rounds| number(Some(rounds)))?;
        if rounds < MIN_ROUNDS || PasswordHashRef::new(text).is_err() {
            return Err(HashError::Unknown);
        }
        if rounds > MAX_ROUNDS {
            let limit = "1,000,000 rounds for SHA-crypt".to_owned();
            return Err(HashError::TooExpensive(limit));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        PasswordHashRef::new(&self.0).is_ok_and(|hash| {
            sha_crypt::ShaCrypt::SHA512
                .verify_password(password, hash)
                .is_ok()
        })
    }
}
