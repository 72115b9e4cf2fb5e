//! Text that only this server can have written: with an HMAC behind it.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Secret, Secrets};

/// Far more than a text of ours has; what is longer is not looked at.
const LONGEST: usize = 256;

/// Seals texts for one purpose: with the first key, and opens what any of them sealed.
pub(in crate::identity) struct Seal {
    first: hmac::Key,
    each: Vec<hmac::Key>,
}

impl Seal {
    pub(in crate::identity) fn new(secrets: &Secrets, purpose: &'static str) -> Self {
        let key = |secret: &Secret| hmac::Key::new(hmac::HMAC_SHA256, &secret.derive(purpose));
        Self {
            first: key(secrets.first()),
            each: secrets.each().map(key).collect(),
        }
    }

    /// The text, a full stop, and its HMAC-SHA256 in base64url.
    pub(in crate::identity) fn seal(&self, text: &str) -> String {
        let tag = hmac::sign(&self.first, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// The text, if it was sealed here for this purpose.
    pub(in crate::identity) fn open<'a>(&self, sealed: &'a str) -> Option<&'a str> {
        if sealed.len() > LONGEST {
            return None;
        }
        let (text, tag) = sealed.rsplit_once('.')?;
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
    fn what_an_older_secret_sealed_opens_while_it_is_accepted() {
        let (old, new) = (&[1; 32][..], &[2; 32][..]);
        let sealed = Seal::new(&secrets(old, None), "purpose").seal("session");
        let both = Seal::new(&secrets(new, Some(old)), "purpose");
        assert_eq!(both.open(&sealed), Some("session"));
        assert_ne!(both.seal("session"), sealed);
        assert_eq!(
            Seal::new(&secrets(new, None), "purpose").open(&sealed),
            None
        );
    }

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let secrets = secrets(b"0123456789abcdef0123456789abcdef", None);
        let seal = Seal::new(&secrets, "one purpose");
        let sealed = seal.seal("session.7");
        assert_eq!(seal.open(&sealed), Some("session.7"));

        let other_purpose = Seal::new(&secrets, "another purpose").seal("session.7");
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
