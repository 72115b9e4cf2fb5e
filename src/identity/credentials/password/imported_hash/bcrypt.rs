//! bcrypt hashes, of the password itself or of another hash of it.

use std::str::FromStr;

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac::{self, HMAC_SHA256, HMAC_SHA384},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::identity::credentials::password::imported_hash::{
    HashError,
    encoding::{number, param, parts},
};

const MAX_COST: u32 = 15;

/// The number of bytes that bcrypt reads of a key. It repeats a shorter key.
const KEY_BYTES: usize = 72;

pub(in crate::identity::credentials::password) struct Bcrypt {
    hash: String,
    input: Input,
}

/// The input of bcrypt, computed from the password.
enum Input {
    Password,
    /// The password with the sign extension bug of early PHP. Hashes of version `2x` have it.
    SignExtended,
    Sha256Hex,
    Sha256Base64,
    HmacBase64(hmac::Algorithm, Vec<u8>),
}

impl Bcrypt {
    /// Parses `$2b$12$…`.
    pub(super) fn plain(text: &str) -> Result<Self, HashError> {
        let input = if text.starts_with("$2x$") {
            Input::SignExtended
        } else {
            Input::Password
        };
        Self::of(text, input)
    }

    /// Parses the rest of Django's format after `bcrypt_sha256$`.
    pub(super) fn django_sha256(text: &str) -> Result<Self, HashError> {
        Self::of(text, Input::Sha256Hex)
    }

    /// Parses the rest of the format of WordPress 6.8 and later after `$wp$`.
    pub(super) fn wordpress(rest: &str) -> Result<Self, HashError> {
        let input = Input::HmacBase64(HMAC_SHA384, b"wp-sha384".to_vec());
        Self::of(&format!("${rest}"), input)
    }

    /// Parses the rest of Passlib's format after `$bcrypt-sha256$`: `2b,12$salt$hash` or
    /// `v=2,t=2b,r=12$salt$hash`.
    pub(super) fn passlib_sha256(rest: &str) -> Result<Self, HashError> {
        let [params, salt, hash] = parts(rest)?;
        let (version, cost, input) = match params.split_once(',') {
            Some(("v=2", params)) => {
                let input = Input::HmacBase64(HMAC_SHA256, salt.as_bytes().to_vec());
                let version = param(params, "t").ok_or(HashError::Unknown)?;
                (version, param(params, "r"), input)
            }
            Some((version, cost)) => (version, Some(cost), Input::Sha256Base64),
            None => return Err(HashError::Unknown),
        };
        let cost: u32 = number(cost)?;
        Self::of(&format!("${version}${cost:02}${salt}{hash}"), input)
    }

    fn of(hash: &str, input: Input) -> Result<Self, HashError> {
        let parts = bcrypt::HashParts::from_str(hash).map_err(|_| HashError::Unknown)?;
        if parts.get_cost() > MAX_COST {
            return Err(HashError::TooExpensive(format!(
                "cost {MAX_COST} for bcrypt"
            )));
        }
        let hash = hash.to_owned();
        Ok(Self { hash, input })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let input = match &self.input {
            Input::Password => password.to_vec(),
            Input::SignExtended => sign_extended(password),
            Input::Sha256Hex => hex(digest(&SHA256, password).as_ref()).into_bytes(),
            Input::Sha256Base64 => STANDARD.encode(digest(&SHA256, password)).into_bytes(),
            Input::HmacBase64(algorithm, key) => {
                let key = hmac::Key::new(*algorithm, key);
                STANDARD.encode(hmac::sign(&key, password)).into_bytes()
            }
        };
        bcrypt::verify(input, &self.hash).unwrap_or(false)
    }
}

/// Returns the key that early PHP computed. In each word of four bytes, a byte of 0x80 or above
/// sets all bits of the bytes before it.
fn sign_extended(password: &[u8]) -> Vec<u8> {
    let mut bytes = password.iter().chain([&0]).cycle();
    let words = (0..KEY_BYTES / 4).flat_map(|_| {
        let word = bytes.by_ref().take(4).fold(0_i32, |word, byte| {
            word << 8 | i32::from(byte.cast_signed())
        });
        word.to_be_bytes()
    });
    words.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
