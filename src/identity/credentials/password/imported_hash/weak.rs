//! Weak hashes: recognizes algorithms so fast that passwords can be found by trial.

use crate::identity::credentials::password::imported_hash::encoding::is_hex;

const MD5: &str = "MD5";
const SHA_1: &str = "SHA-1";
const SHA_2: &str = "SHA-2 without rounds";
const DES: &str = "DES crypt";
const MD4: &str = "MD4";
const PLAIN_TEXT: &str = "plain text";

/// The maximum number of digits of a weak hash with a salt. A longer one may be scrypt.
const MAX_SALTED_DIGITS: usize = 64;

/// Returns the name of the weak algorithm of a hash, or nothing if the hash has none.
pub(super) fn algorithm(text: &str) -> Option<&'static str> {
    if let Some((scheme, hash)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) {
        // Spring Security nests LDAP's braces in its own.
        return if hash.starts_with('$') || scheme == "ldap" {
            algorithm(hash)
        } else {
            algorithm_by_scheme(scheme)
        };
    }
    if let Some((scheme, _)) = text.strip_prefix('$').unwrap_or(text).split_once('$') {
        return algorithm_by_scheme(scheme);
    }
    if let Some((hash, salt)) = text.split_once(':') {
        let is_short = hash.len().max(salt.len()) <= MAX_SALTED_DIGITS;
        return algorithm_by_digits(hash)
            .or_else(|| algorithm_by_digits(salt))
            .filter(|_| is_short);
    }
    // MySQL's hashes begin with an asterisk.
    algorithm_by_digits(text.strip_prefix('*').unwrap_or(text))
        .or_else(|| is_des(text).then_some(DES))
}

/// Recognizes an algorithm by the name in braces or before a dollar sign. Dovecot appends the
/// encoding to the name, and Sun's MD5 the number of rounds.
fn algorithm_by_scheme(scheme: &str) -> Option<&'static str> {
    let name = scheme.split(['.', ',', '@']).next()?.to_ascii_lowercase();
    let name = name.trim_start_matches("ldap_").trim_start_matches("ldap-");
    match name {
        "1" | "apr1" | "cram-md5" | "digest-md5" | "hmac-md5" | "md5" | "md5-crypt"
        | "plain-md5" | "smd5" | "unsalted_md5" => Some(MD5),
        "hmac-sha1" | "sha" | "sha-1" | "sha1" | "ssha" | "unsalted_sha1" => Some(SHA_1),
        "hmac-sha256" | "hmac-sha512" | "sha-256" | "sha-512" | "sha256" | "sha384" | "sha512"
        | "ssha256" | "ssha384" | "ssha512" => Some(SHA_2),
        "crypt" | "des-crypt" => Some(DES),
        "3" | "lanman" | "md4" | "nt" | "ntlm" => Some(MD4),
        "clear" | "cleartext" | "noop" | "plain" => Some(PLAIN_TEXT),
        _ => None,
    }
}

/// Recognizes an algorithm by the number of hexadecimal digits.
fn algorithm_by_digits(text: &str) -> Option<&'static str> {
    match text.len() {
        _ if !is_hex(text) => None,
        32 => Some(MD5),
        40 => Some(SHA_1),
        64 | 96 | 128 => Some(SHA_2),
        _ => None,
    }
}

/// True for DES crypt: a salt of 2 characters and a hash of 11. BSDi's has `_`, 8 characters of
/// rounds and salt, and 11.
fn is_des(text: &str) -> bool {
    let (chars, length) = match text.strip_prefix('_') {
        Some(chars) => (chars, 19),
        None => (text, 13),
    };
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    chars.len() == length && chars.bytes().all(is_known)
}
