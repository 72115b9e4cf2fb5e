//! scrypt hashes, in the formats of PHC strings, Kratos, Spring Security, Django, Werkzeug, Lucia
//! and Better Auth.

use aws_lc_rs::constant_time;
use scrypt::Params;

use crate::identity::credentials::password::imported_hash::{
    HashError,
    encoding::{base64, base64_key, hex, hex_key, number, param, parts, text_salt},
};

/// The maximum memory, in bytes: 256 MiB.
const MAX_MEMORY: u64 = 256 * 1024 * 1024;

/// The maximum of memory times lanes, in bytes: 1 GiB.
const MAX_WORK: u64 = 1024 * 1024 * 1024;

/// The length of the keys of Lucia and Better Auth.
const HEXADECIMAL_KEY_BYTES: usize = 64;

pub(in crate::identity::credentials::password) struct Scrypt {
    /// Every candidate, if the format omits the parameters.
    params: Vec<Params>,
    salt: Vec<u8>,
    key: Vec<u8>,
}

impl Scrypt {
    /// Parses `ln=14,r=8,p=1$salt$key`. Kratos writes N itself as `ln`, and AdonisJS as `n`.
    pub(super) fn phc(rest: &str) -> Result<Self, HashError> {
        let [names, salt, key] = parts(rest)?;
        let (r, p) = (number(param(names, "r"))?, number(param(names, "p"))?);
        let n = number(param(names, "ln").or_else(|| param(names, "n")))?;
        let log_n = if n < 64 { n } else { exact_log2(n)? };
        Ok(Self {
            params: vec![params(log_n, r, p)?],
            salt: base64(salt)?,
            key: base64_key(key)?,
        })
    }

    /// Parses `e0801$salt$key`: log₂ N, r and p in hexadecimal, the last two with two digits each.
    pub(super) fn packed(rest: &str) -> Result<Self, HashError> {
        let [packed, salt, key] = parts(rest)?;
        let packed = u32::from_str_radix(packed, 16).map_err(|_| HashError::Unknown)?;
        let [0, log_n, r, p] = packed.to_be_bytes() else {
            return Err(HashError::Unknown);
        };
        Ok(Self {
            params: vec![params(log_n.into(), r.into(), p.into())?],
            salt: base64(salt)?,
            key: base64_key(key)?,
        })
    }

    /// Parses the rest of Django's format after `scrypt$`: `16384$salt$8$5$key`.
    pub(super) fn django(rest: &str) -> Result<Self, HashError> {
        let [n, salt, r, p, key] = parts(rest)?;
        Ok(Self {
            params: vec![parse_params(n, r, p)?],
            salt: text_salt(salt)?,
            key: base64_key(key)?,
        })
    }

    /// Parses Werkzeug's parameters, such as `32768:8:1`, and the rest, `salt$key`.
    pub(super) fn werkzeug(params: &str, rest: &str) -> Result<Self, HashError> {
        let params: Vec<_> = params.split(':').collect();
        let ([n, r, p], [salt, key]) = (params.as_slice(), parts(rest)?) else {
            return Err(HashError::Unknown);
        };
        Ok(Self {
            params: vec![parse_params(n, r, p)?],
            salt: text_salt(salt)?,
            key: hex_key(key)?,
        })
    }

    /// Parses `salt:key`, or `s2:salt:key` of Lucia 2. The block size is 16 in Better Auth and in
    /// Lucia since version 2, and 8 in Lucia 1 and by Node.js's default.
    pub(super) fn hexadecimal(text: &str) -> Result<Self, HashError> {
        let salt_and_key = text.strip_prefix("s2:").unwrap_or(text);
        let (salt, key) = salt_and_key.split_once(':').ok_or(HashError::Unknown)?;
        let (salt, key) = (text_salt(salt)?, hex(key)?);
        if key.len() != HEXADECIMAL_KEY_BYTES || !salt.iter().all(u8::is_ascii_alphanumeric) {
            return Err(HashError::Unknown);
        }
        let params = vec![params(14, 16, 1)?, params(14, 8, 1)?];
        Ok(Self { params, salt, key })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        self.params.iter().any(|params| {
            derive(params, password, &self.salt, self.key.len())
                .is_some_and(|key| constant_time::verify_slices_are_equal(&key, &self.key).is_ok())
        })
    }
}

/// Derives a key of this length. Returns nothing if scrypt rejects the length.
pub(super) fn derive(
    params: &Params,
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Option<Vec<u8>> {
    let mut key = vec![0; length];
    scrypt::scrypt(password, salt, params, &mut key).ok()?;
    Some(key)
}

/// Checks the parameters against the limits.
pub(super) fn params(log_n: u32, r: u32, p: u32) -> Result<Params, HashError> {
    let memory = 1_u64
        .checked_shl(log_n)
        .and_then(|n| n.checked_mul(128)?.checked_mul(r.into()));
    let work = memory.and_then(|memory| memory.checked_mul(p.into()));
    if memory.is_none_or(|memory| memory > MAX_MEMORY) || work.is_none_or(|work| work > MAX_WORK) {
        let limit = "256 MiB for scrypt, and 1 GiB over all lanes";
        return Err(HashError::TooExpensive(limit.to_owned()));
    }
    let log_n = u8::try_from(log_n).map_err(|_| HashError::Unknown)?;
    Params::new(log_n, r, p).map_err(|_| HashError::Unknown)
}

/// Parses the parameters N, r and p.
fn parse_params(n: &str, r: &str, p: &str) -> Result<Params, HashError> {
    let log_n = exact_log2(number(Some(n))?)?;
    params(log_n, number(Some(r))?, number(Some(p))?)
}

/// Returns log₂ N. Fails unless N is a power of two.
fn exact_log2(n: u32) -> Result<u32, HashError> {
    n.is_power_of_two()
        .then(|| n.ilog2())
        .ok_or(HashError::Unknown)
}
