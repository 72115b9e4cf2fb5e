//! Firebase's variant of scrypt: the hash is the project's signer key, encrypted with the derived
//! key.

use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time,
};
use scrypt::Params;

use crate::identity::credentials::password::imported_hash::{
    HashError,
    encoding::{base64, base64_key, number, param, parts},
    scrypt::{derive, params},
};

/// The length of an AES-256 key, in bytes.
const AES_KEY_BYTES: usize = 32;

pub(in crate::identity::credentials::password) struct FirebaseScrypt {
    params: Params,
    /// The salt, followed by the project's salt separator.
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    encrypted: Vec<u8>,
}

impl FirebaseScrypt {
    /// Parses the format of Kratos and Zitadel, `ln=14,r=8,p=1$salt$hash$separator$signer_key`.
    pub(super) fn kratos(rest: &str) -> Result<Self, HashError> {
        let [names, salt, hash, separator, signer_key] = parts(rest)?;
        Self::of(names, "ln", salt, separator, signer_key, hash)
    }

    /// Parses Supabase's format, `v=1,n=14,r=8,p=1,ss=separator,sk=signer_key$salt$hash`.
    pub(super) fn supabase(rest: &str) -> Result<Self, HashError> {
        let [names, salt, hash] = parts(rest)?;
        let separator = param(names, "ss").unwrap_or_default();
        let signer_key = param(names, "sk").ok_or(HashError::Unknown)?;
        Self::of(names, "n", salt, separator, signer_key, hash)
    }

    /// Parses Clerk's format, `hash$salt$signer_key$separator$8$14`, which ends with the block size
    /// r and log₂ N.
    pub(super) fn clerk(text: &str) -> Result<Self, HashError> {
        let [hash, salt, signer_key, separator, r, log_n] = parts(text)?;
        let names = format!("ln={log_n},r={r}");
        Self::of(&names, "ln", salt, separator, signer_key, hash)
    }

    fn of(
        names: &str,
        log_n: &str,
        salt: &str,
        separator: &str,
        signer_key: &str,
        hash: &str,
    ) -> Result<Self, HashError> {
        let (r, p) = (number(param(names, "r"))?, param(names, "p").unwrap_or("1"));
        let (signer_key, encrypted) = (base64_key(signer_key)?, base64_key(hash)?);
        if signer_key.len() != encrypted.len() {
            return Err(HashError::Unknown);
        }
        Ok(Self {
            params: params(number(param(names, log_n))?, r, number(Some(p))?)?,
            salt: [base64(salt)?, base64(separator)?].concat(),
            signer_key,
            encrypted,
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let key = derive(&self.params, password, &self.salt, AES_KEY_BYTES);
        key.and_then(|key| encrypt(&key, &self.signer_key))
            .is_some_and(|found| {
                constant_time::verify_slices_are_equal(&found, &self.encrypted).is_ok()
            })
    }
}

/// Encrypts by AES-256 in counter mode, with a counter that starts at zero.
fn encrypt(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = UnboundCipherKey::new(&AES_256, key).ok()?;
    let mut text = text.to_vec();
    EncryptingKey::ctr(key)
        .ok()?
        .less_safe_encrypt(&mut text, EncryptionContext::Iv128([0; 16].into()))
        .ok()?;
    Some(text)
}
