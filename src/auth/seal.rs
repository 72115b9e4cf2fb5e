//! Text that only this server can have written: with an HMAC behind it.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::secret::Secret;

/// Far more than a text of ours has; what is longer is not looked at.
const LONGEST: usize = 256;

/// Seals texts for one purpose.
pub(super) struct Seal(hmac::Key);

impl Seal {
    pub(super) fn new(secret: &Secret, purpose: &'static str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &secret.derive(purpose)))
    }

    /// The text, a full stop, and its HMAC-SHA256 in base64url.
    pub(super) fn seal(&self, text: &str) -> String {
        let tag = hmac::sign(&self.0, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The text, if it was sealed here for this purpose.
    pub(super) fn open<'a>(&self, sealed: &'a str) -> Option<&'a str> {
        if sealed.len() > LONGEST {
            return None;
        }
        let (text, tag) = sealed.rsplit_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, text.as_bytes(), &tag).ok()?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let secret = Secret::new(b"0123456789abcdef0123456789abcdef");
        let seal = Seal::new(&secret, "one purpose");
        let sealed = seal.seal("session.7");
        assert_eq!(seal.open(&sealed), Some("session.7"));

        let other_purpose = Seal::new(&secret, "another purpose").seal("session.7");
        let (text, tag) = sealed.rsplit_once('.').unwrap();
        let shorter = &tag[..tag.len() - 2];
        for forged in [
            "",
            ".",
            "session.7",
            "session.7.",
            &format!("session.8.{tag}"),
            &format!("{text}.{shorter}"),
            &format!("{sealed}="),
            &format!("{sealed} "),
            &sealed.to_uppercase(),
            &other_purpose,
            &seal.seal(&"x".repeat(LONGEST)),
        ] {
            assert_eq!(seal.open(forged), None, "{forged:?}");
        }
    }
}
