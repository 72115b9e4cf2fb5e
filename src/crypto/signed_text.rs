//! Text with an HMAC suffix, which only holders of the server's secret can produce.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto::secret::{Secret, Secrets};

/// The maximum length of a signed text. A longer one is rejected without
/// verifying it.
const MAX_TEXT_BYTES: usize = 256;

/// Signs text for one purpose with the current secret. Verifies signatures by any accepted secret.
pub(crate) struct HmacSigner {
    first: hmac::Key,
    each: Vec<hmac::Key>,
}

impl HmacSigner {
    pub(crate) fn new(secrets: &Secrets, purpose: &'static str) -> Self {
        let key = |secret: &Secret| hmac::Key::new(hmac::HMAC_SHA256, &secret.derive(purpose));
        Self {
            first: key(secrets.first()),
            each: secrets.each().map(key).collect(),
        }
    }

    /// Returns the text, a full stop, and the text's HMAC-SHA-256 in base64url.
    pub(crate) fn sign(&self, text: &str) -> String {
        let tag = hmac::sign(&self.first, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Returns the text if its signature is valid for this purpose.
    pub(crate) fn verify<'a>(&self, signed: &'a str) -> Option<&'a str> {
        if signed.len() > MAX_TEXT_BYTES {
            return None;
        }
        let (text, tag) = signed.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let mut keys = self.each.iter();
        let is_ours = |key: &hmac::Key| hmac::verify(key, text.as_bytes(), &tag).is_ok();
        keys.any(is_ours).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(first: &[u8], other: Option<&[u8]>) -> Secrets {
        Secrets::new(Secret::new(first), other.map(Secret::new))
    }

    #[test]
    fn previous_secret_verifies_while_it_is_accepted() {
        let (old, new) = (&[1; 32][..], &[2; 32][..]);
        let signed = HmacSigner::new(&secrets(old, None), "purpose").sign("session");
        let both = HmacSigner::new(&secrets(new, Some(old)), "purpose");
        assert_eq!(both.verify(&signed), Some("session"));
        assert_ne!(both.sign("session"), signed);
        assert_eq!(
            HmacSigner::new(&secrets(new, None), "purpose").verify(&signed),
            None
        );
    }

    #[test]
    fn only_signed_text_verifies() {
        let secrets = secrets(b"0123456789abcdef0123456789abcdef", None);
        let signer = HmacSigner::new(&secrets, "one purpose");
        let signed = signer.sign("session.7");
        assert_eq!(signer.verify(&signed), Some("session.7"));

        let other_purpose = HmacSigner::new(&secrets, "another purpose").sign("session.7");
        let (text, tag) = signed.rsplit_once('.').unwrap();
        let shorter = &tag[..tag.len() - 2];
        for forged in [
            "",
            ".",
            "session.7",
            "session.7.",
            &format!("session.8.{tag}"),
            &format!("{text}.{shorter}"),
            &format!("{signed}="),
            &format!("{signed} "),
            &signed.to_uppercase(),
            &other_purpose,
            &signer.sign(&"x".repeat(MAX_TEXT_BYTES)),
        ] {
            assert_eq!(signer.verify(forged), None, "{forged:?}");
        }
    }
}
