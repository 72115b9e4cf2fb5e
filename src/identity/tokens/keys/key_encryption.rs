//! Encryption of private keys at rest, so that a copy of the database is not enough to sign tokens.

use crate::crypto::{sealer::Sealer, secret::Secrets};

/// The 32 bytes of an Ed25519 private key.
pub(in crate::identity) type Seed = [u8; 32];

/// A decrypted private key.
pub(in crate::identity) struct DecryptedKey {
    pub(in crate::identity) seed: Seed,
    /// True if it was encrypted with the current secret.
    pub(in crate::identity) is_by_current_secret: bool,
}

/// Encrypts the private key with this id.
pub(in crate::identity) fn encrypt(seed: &Seed, id: &str, secrets: &Secrets) -> Vec<u8> {
    sealer(secrets).seal(seed, id)
}

/// Decrypts the private key with this id. Returns nothing if no accepted secret decrypts it.
pub(in crate::identity) fn open(
    sealed: &[u8],
    id: &str,
    secrets: &Secrets,
) -> Option<DecryptedKey> {
    let opened = sealer(secrets).open(sealed, id)?;
    Some(DecryptedKey {
        seed: opened.text.try_into().ok()?,
        is_by_current_secret: opened.is_by_current_secret,
    })
}

fn sealer(secrets: &Secrets) -> Sealer {
    Sealer::new(secrets, "signing-keys seal")
}
