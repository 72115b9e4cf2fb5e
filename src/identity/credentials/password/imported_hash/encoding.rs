//! Decoding of the salts, keys and parameters of password hashes.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::identity::credentials::password::imported_hash::HashError;

/// Base64 with optional padding, since formats differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The maximum length of a salt and of a key.
const MAX_BYTES: usize = 128;

/// The minimum length of a key. Many passwords would match a shorter one.
pub(super) const MIN_KEY_BYTES: usize = 16;

/// Decodes Base64 in the standard alphabet, the one for URLs, and Passlib's, which has `.` for `+`.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, HashError> {
    let text = text.replace(['.', '-'], "+").replace('_', "/");
    let bytes = BASE64.decode(text).map_err(|_| HashError::Unknown)?;
    within(0, bytes)
}

pub(super) fn base64_key(text: &str) -> Result<Vec<u8>, HashError> {
    within(MIN_KEY_BYTES, base64(text)?)
}

pub(super) fn hex(digits: &str) -> Result<Vec<u8>, HashError> {
    if !digits.len().is_multiple_of(2) || !is_hex(digits) {
        return Err(HashError::Unknown);
    }
    let pairs = digits.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    within(0, pairs.collect::<Option<_>>().ok_or(HashError::Unknown)?)
}

pub(super) fn hex_key(digits: &str) -> Result<Vec<u8>, HashError> {
    within(MIN_KEY_BYTES, hex(digits)?)
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the bytes of a salt that is not encoded. It must not be empty.
pub(super) fn text_salt(text: &str) -> Result<Vec<u8>, HashError> {
    within(1, text.as_bytes().to_vec())
}

fn within(min: usize, bytes: Vec<u8>) -> Result<Vec<u8>, HashError> {
    if (min..=MAX_BYTES).contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(HashError::Unknown)
    }
}

/// Splits at each `$` into exactly `N` parts.
pub(super) fn parts<const N: usize>(text: &str) -> Result<[&str; N], HashError> {
    let parts: Vec<_> = text.split('$').collect();
    parts.try_into().map_err(|_| HashError::Unknown)
}

/// Returns the value of a parameter in `name=value,name=value`.
pub(super) fn param<'a>(params: &'a str, name: &str) -> Option<&'a str> {
    params
        .split(',')
        .filter_map(|param| param.split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// Parses a numeric parameter.
pub(super) fn number<T: std::str::FromStr>(text: Option<&str>) -> Result<T, HashError> {
    text.and_then(|text| text.parse().ok())
        .ok_or(HashError::Unknown)
}
