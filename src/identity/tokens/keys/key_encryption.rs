//! Encryption of private keys at rest, so that a copy of the database is not enough to sign tokens.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::crypto::secret::{Secret, Secrets};

/// The 32 bytes of an Ed25519 private key.
pub(in crate::identity) type Seed = [u8; 32];

/// A decrypted private key.
pub(in crate::identity) struct DecryptedKey {
    pub(in crate::identity) seed: Seed,
    /// True if it was encrypted with the current secret.
    pub(in crate::identity) is_by_current_secret: bool,
}

/// Encrypts a private key with AES-256-GCM and prepends the random nonce. The key id is associated
/// data, so that the ciphertext is valid only in the row with this id.
pub(in crate::identity) fn encrypt(seed: &Seed, id: &str, secret: &Secret) -> Vec<u8> {
    let mut text = seed.to_vec();
    let nonce = encryption_key(secret)
        .seal_in_place_append_tag(Aad::from(id), &mut text)
        .expect("32 bytes can be encrypted");
    [nonce.as_ref().as_slice(), &text].concat()
}

/// Decrypts the private key with this id. Returns nothing if no accepted secret decrypts it.
pub(in crate::identity) fn open(
    sealed: &[u8],
    id: &str,
    secrets: &Secrets,
) -> Option<DecryptedKey> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    secrets.each().enumerate().find_map(|(at, secret)| {
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = encryption_key(secret).open_in_place(nonce, Aad::from(id), &mut text);
        Some(DecryptedKey {
            seed: (*opened.ok()?).try_into().ok()?,
            is_by_current_secret: at == 0,
        })
    })
}

fn encryption_key(secret: &Secret) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM, &secret.derive("signing-keys seal"))
        .expect("AES-256 takes 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = [7; 32];

    fn secrets(all: &[&str]) -> Secrets {
        let mut all = all.iter().map(|secret| Secret::new(secret.as_bytes()));
        Secrets::new(all.next().unwrap(), all)
    }

    #[test]
    fn key_decrypts_only_with_its_secret_and_key_id() {
        let both = secrets(&["new", "old"]);
        let (new, old) = (secrets(&["new"]), secrets(&["old"]));
        let sealed = encrypt(&SEED, "name", old.first());
        assert_ne!(sealed, encrypt(&SEED, "name", old.first()));
        let opened = open(&sealed, "name", &both).unwrap();
        assert_eq!((opened.seed, opened.is_by_current_secret), (SEED, false));
        assert!(open(&sealed, "name", &old).unwrap().is_by_current_secret);
        assert!(open(&sealed, "name", &new).is_none());
        assert!(open(&sealed, "another", &both).is_none());
    }

    #[test]
    fn modified_or_truncated_ciphertext_is_rejected() {
        let secrets = secrets(&["secret"]);
        let sealed = encrypt(&SEED, "name", secrets.first());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&changed, "name", &secrets).is_none(), "{at}");
            assert!(open(&sealed[..at], "name", &secrets).is_none(), "{at}");
        }
    }
}
