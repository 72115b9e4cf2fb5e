//! Argon2 hashes of other services, as PHC strings.

use argon2::{Algorithm, Params, Version, password_hash::phc::PasswordHash};

use crate::identity::credentials::password::imported_hash::HashError;

/// The maximum memory, in KiB: 256 MiB.
const MAX_KIB: u32 = 256 * 1024;

/// The maximum of memory times passes, in KiB: 16 passes over 256 MiB.
const MAX_WORK: u64 = 16 * MAX_KIB as u64;

/// The minimum length of a hash.
const MIN_HASH_BYTES: usize = 16;

/// Checks a PHC string and returns it without Base64 padding, which some libraries write.
pub(super) fn canonical(text: &str) -> Result<String, HashError> {
    let parts: Vec<_> = text
        .split('$')
        .map(|part| part.trim_end_matches('='))
        .collect();
    let text = parts.join("$");
    let hash = PasswordHash::new(&text).map_err(|_| HashError::Unknown)?;
    let is_whole = Algorithm::new(hash.algorithm.as_str()).is_ok()
        && hash
            .version
            .is_none_or(|version| Version::try_from(version).is_ok())
        && hash.salt.is_some()
        && hash.hash.is_some_and(|hash| hash.len() >= MIN_HASH_BYTES);
    if !is_whole {
        return Err(HashError::Unknown);
    }
    let params = Params::try_from(&hash).map_err(|_| HashError::Unknown)?;
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    if params.m_cost() > MAX_KIB || work > MAX_WORK {
        let limit = "256 MiB for Argon2, and 16 passes over 256 MiB";
        return Err(HashError::TooExpensive(limit.to_owned()));
    }
    Ok(text)
}
