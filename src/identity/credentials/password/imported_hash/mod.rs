//! Imported password hashes of other services: parses and verifies them. A hash is replaced by one
//! of Cubby's own at its owner's first sign-in.

mod argon2;
mod bcrypt;
mod encoding;
mod firebase;
mod pbkdf2;
mod phpass;
mod scrypt;
mod sha_crypt;
#[cfg(test)]
mod tests;
mod weak;

use crate::identity::credentials::password::imported_hash::{
    bcrypt::Bcrypt, firebase::FirebaseScrypt, pbkdf2::Pbkdf2, phpass::Phpass, scrypt::Scrypt,
    sha_crypt::ShaCrypt,
};

/// The maximum length of a hash.
const MAX_HASH_BYTES: usize = 1024;

/// The maximum length of a password that is verified, since some algorithms hash it in every round.
const MAX_PASSWORD_BYTES: usize = 1024;

/// A password hash in a format of another service.
pub(super) enum ImportedHash {
    /// A PHC string. [`Argon2Hasher`](super::hashing::Argon2Hasher) verifies it in its own memory.
    Argon2(String),
    Bcrypt(Bcrypt),
    FirebaseScrypt(FirebaseScrypt),
    Pbkdf2(Pbkdf2),
    Phpass(Phpass),
    Scrypt(Scrypt),
    ShaCrypt(ShaCrypt),
}

/// The reason why a hash cannot be imported. The message says what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::identity) enum HashError {
    #[error(
        "passwordHash has an unsupported format: the supported ones are listed under \"cubby user import\" in \
         specs/001-user-auth/contracts/administration.md"
    )]
    Unknown,
    /// The algorithm is so fast that passwords can be found by trial.
    #[error(
        "passwordHash is {0}, which is too weak to be imported: omit the line, and create the account with \"cubby \
         user create\" and a new password"
    )]
    Weak(&'static str),
    /// The cost exceeds this limit of the algorithm.
    #[error("passwordHash takes too long to verify: the limit is {0}")]
    TooExpensive(String),
}

/// Checks a hash to import. Returns the text to store.
///
/// # Errors
/// If the format is unknown, or the hash is too weak or too expensive to verify.
pub(in crate::identity) fn import(text: &str) -> Result<String, HashError> {
    ImportedHash::parse(text)?;
    Ok(if is_own(text) {
        // Stored in Django's format, to distinguish it from Cubby's own hashes: those are of
        // passwords in NFC, and an imported one may be of any form.
        format!("argon2{text}")
    } else {
        text.to_owned()
    })
}

/// True if a stored hash is one of Cubby's own.
pub(super) fn is_own(stored: &str) -> bool {
    stored.starts_with("$argon2")
}

impl ImportedHash {
    pub(super) fn parse(text: &str) -> Result<Self, HashError> {
        if text.len() > MAX_HASH_BYTES {
            return Err(HashError::Unknown);
        }
        let parsed = if let Some(rest) = text.strip_prefix('{') {
            parse_braced(rest)
        } else if let Some(rest) = text.strip_prefix('$') {
            parse_modular_crypt(text, rest)
        } else if let Some((scheme, rest)) = text.split_once('$') {
            parse_unprefixed(text, scheme, rest)
        } else if text.contains(':') {
            Scrypt::hexadecimal(text).map(Self::Scrypt)
        } else {
            Pbkdf2::asp_net(text).map(Self::Pbkdf2)
        };
        parsed.map_err(|error| match (error, weak::algorithm(text)) {
            (HashError::Unknown, Some(algorithm)) => HashError::Weak(algorithm),
            (error, _) => error,
        })
    }

    /// True if the password matches. Always false for Argon2, which `Argon2Hasher` verifies.
    pub(super) fn verify(&self, password: &str) -> bool {
        let password = password.as_bytes();
        password.len() <= MAX_PASSWORD_BYTES
            && match self {
                Self::Argon2(_) => false,
                Self::Bcrypt(hash) => hash.verify(password),
                Self::FirebaseScrypt(hash) => hash.verify(password),
                Self::Pbkdf2(hash) => hash.verify(password),
                Self::Phpass(hash) => hash.verify(password),
                Self::Scrypt(hash) => hash.verify(password),
                Self::ShaCrypt(hash) => hash.verify(password),
            }
    }
}

/// Parses `{scheme}hash` of Spring Security, LDAP and Dovecot.
fn parse_braced(text: &str) -> Result<ImportedHash, HashError> {
    let (scheme, hash) = text.split_once('}').ok_or(HashError::Unknown)?;
    let scheme = scheme.to_ascii_lowercase();
    match (scheme.as_str(), hash.strip_prefix('$')) {
        (
            "argon2"
            | "argon2@springsecurity_v5_8"
            | "argon2d"
            | "argon2i"
            | "argon2id"
            | "bcrypt"
            | "blf-crypt"
            | "crypt"
            | "sha256-crypt"
            | "sha512-crypt",
            Some(rest),
        ) => parse_modular_crypt(hash, rest),
        ("scrypt" | "scrypt@springsecurity_v5_8", Some(rest)) => {
            Scrypt::packed(rest).map(ImportedHash::Scrypt)
        }
        (scheme, _) if scheme.starts_with("pbkdf2") => {
            Pbkdf2::parse_braced(scheme, hash).map(ImportedHash::Pbkdf2)
        }
        _ => Err(HashError::Unknown),
    }
}

/// Parses `$scheme$…` of `crypt(3)` and PHC strings.
fn parse_modular_crypt(text: &str, rest: &str) -> Result<ImportedHash, HashError> {
    let (scheme, rest) = rest.split_once('$').ok_or(HashError::Unknown)?;
    match scheme {
        "argon2d" | "argon2i" | "argon2id" => argon2::canonical(text).map(ImportedHash::Argon2),
        "2a" | "2b" | "2x" | "2y" => Bcrypt::plain(text).map(ImportedHash::Bcrypt),
        "bcrypt-sha256" => Bcrypt::passlib_sha256(rest).map(ImportedHash::Bcrypt),
        "wp" => Bcrypt::wordpress(rest).map(ImportedHash::Bcrypt),
        "scrypt" => Scrypt::phc(rest).map(ImportedHash::Scrypt),
        "s0" => Scrypt::packed(rest).map(ImportedHash::Scrypt),
        "firescrypt" | "firebasescrypt" => {
            FirebaseScrypt::kratos(rest).map(ImportedHash::FirebaseScrypt)
        }
        "fbscrypt" => FirebaseScrypt::supabase(rest).map(ImportedHash::FirebaseScrypt),
        "5" | "6" => ShaCrypt::parse(text).map(ImportedHash::ShaCrypt),
        "P" | "H" => Phpass::md5(rest).map(ImportedHash::Phpass),
        "S" => Phpass::sha512(rest).map(ImportedHash::Phpass),
        _ => Pbkdf2::phc(scheme, rest).map(ImportedHash::Pbkdf2),
    }
}

/// Parses `scheme$…` of Django and Werkzeug, and Clerk's format, which has no scheme.
fn parse_unprefixed(text: &str, scheme: &str, rest: &str) -> Result<ImportedHash, HashError> {
    match scheme {
        "argon2" => argon2::canonical(&format!("${rest}")).map(ImportedHash::Argon2),
        "bcrypt" => Bcrypt::plain(rest).map(ImportedHash::Bcrypt),
        "bcrypt_sha256" => Bcrypt::django_sha256(rest).map(ImportedHash::Bcrypt),
        "scrypt" => Scrypt::django(rest).map(ImportedHash::Scrypt),
        _ => {
            if let Some(params) = scheme.strip_prefix("scrypt:") {
                return Scrypt::werkzeug(params, rest).map(ImportedHash::Scrypt);
            }
            if let Some(params) = scheme.strip_prefix("pbkdf2:") {
                return Pbkdf2::werkzeug(params, rest).map(ImportedHash::Pbkdf2);
            }
            if let Some(digest) = scheme.strip_prefix("pbkdf2_") {
                return Pbkdf2::django(digest, rest).map(ImportedHash::Pbkdf2);
            }
            FirebaseScrypt::clerk(text).map(ImportedHash::FirebaseScrypt)
        }
    }
}
