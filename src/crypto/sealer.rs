//! Encryption of secrets in the database, so that a copy of it is not enough to use them.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use super::secret::Secrets;

/// Encrypts with AES-256-GCM, by keys derived from the server's secrets for one purpose.
pub(crate) struct Sealer {
    current: RandomizedNonceKey,
    others: Vec<RandomizedNonceKey>,
}

/// A decrypted text.
pub(crate) struct Opened {
    pub(crate) text: Vec<u8>,
    /// True if it was encrypted with the current secret.
    pub(crate) is_by_current_secret: bool,
}

impl Sealer {
    /// `label` names the purpose. A text that was sealed for one purpose opens for no other.
    pub(crate) fn new(secrets: &Secrets, label: &'static str) -> Self {
        let key = |key: &[u8; 32]| {
            RandomizedNonceKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes")
        };
        let mut keys = secrets.each().map(|secret| key(&secret.derive(label)));
        Self {
            current: keys.next().expect("there is a first secret"),
            others: keys.collect(),
        }
    }

    /// Encrypts a text, and prepends the random nonce. The id is associated data, so that the
    /// ciphertext is valid only in the row with this id.
    pub(crate) fn seal(&self, text: &[u8], id: &str) -> Vec<u8> {
        let mut text = text.to_vec();
        let nonce = self
            .current
            .seal_in_place_append_tag(Aad::from(id), &mut text)
            .expect("a text in memory can be encrypted");
        [nonce.as_ref().as_slice(), &text].concat()
    }

    /// Decrypts the text with this id. Returns nothing if no accepted secret decrypts it.
    pub(crate) fn open(&self, sealed: &[u8], id: &str) -> Option<Opened> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let open = |key: &RandomizedNonceKey| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut text = text.to_vec();
            let opened = key.open_in_place(nonce, Aad::from(id), &mut text);
            Some(opened.ok()?.to_vec())
        };
        let opened = |text, is_by_current_secret| Opened {
            text,
            is_by_current_secret,
        };
        match open(&self.current) {
            Some(text) => Some(opened(text, true)),
            None => self
                .others
                .iter()
                .find_map(open)
                .map(|text| opened(text, false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;

    fn sealer(all: &[&str]) -> Sealer {
        let mut all = all.iter().map(|secret| Secret::new(secret.as_bytes()));
        let secrets = Secrets::new(all.next().unwrap(), all);
        Sealer::new(&secrets, "test")
    }

    #[test]
    fn text_opens_only_with_its_secret_and_id() {
        let (both, new, old) = (sealer(&["new", "old"]), sealer(&["new"]), sealer(&["old"]));
        let sealed = old.seal(b"text", "name");
        assert_ne!(sealed, old.seal(b"text", "name"));
        let opened = both.open(&sealed, "name").unwrap();
        assert_eq!(opened.text, b"text");
        assert!(!opened.is_by_current_secret);
        assert!(old.open(&sealed, "name").unwrap().is_by_current_secret);
        assert!(new.open(&sealed, "name").is_none());
        assert!(both.open(&sealed, "another").is_none());
    }

    #[test]
    fn modified_or_truncated_ciphertext_is_rejected() {
        let sealer = sealer(&["secret"]);
        let sealed = sealer.seal(b"text", "name");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(&changed, "name").is_none(), "{at}");
            assert!(sealer.open(&sealed[..at], "name").is_none(), "{at}");
        }
    }
}
