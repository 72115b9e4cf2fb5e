//! Email addresses: stored as typed, and compared in a normalized form that ignores case and the
//! encoding of the domain.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use crate::error::{FieldError, UserErrorCode};

/// The maximum length of an address, in bytes (RFC 5321 section 4.5.3.1.3, without angle brackets).
const MAX_BYTES: usize = 254;

/// A well-formed email address. Ownership and delivery are not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct EmailAddress {
    typed: String,
    normalized: String,
}

impl EmailAddress {
    pub(in crate::identity) fn parse(text: &str) -> Result<Self, FieldError> {
        let typed: String = text.trim().nfc().collect();
        let wrong = |message: &str| Err(FieldError::new(UserErrorCode::EmailInvalid, message));
        if typed.len() > MAX_BYTES {
            return wrong("The email address must have at most 254 bytes.");
        }
        let well_formed = typed
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && typed.matches('@').count() == 1
            && !typed.contains(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
        if !well_formed {
            return wrong("Enter an email address, such as ana@example.com.");
        }
        let Some(normalized) = normalize(&typed) else {
            return wrong(
                "The part after the @ is not a valid domain name. Correct it, or write it in ASCII (xn--).",
            );
        };
        Ok(Self { typed, normalized })
    }

    /// Returns the address as it was typed, trimmed and in NFC.
    pub(in crate::identity) fn as_str(&self) -> &str {
        &self.typed
    }

    /// Returns the normalized form, which is equal for equal addresses.
    pub(in crate::identity) fn normalized(&self) -> &str {
        &self.normalized
    }
}

/// Returns the form in which addresses are compared. For the same typed domain, some browsers send
/// Unicode and others ASCII. Returns `None` if the domain is invalid.
fn normalize(address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    let local: String = local
        .to_lowercase()
        // The only letter whose lower case depends on the next letter.
        .replace('ς', "σ")
        .nfc()
        .collect();
    let domain = domain.to_ascii_lowercase();
    // An ASCII domain without punycode is normalized already, and need not be a valid DNS name, such as
    // an address literal.
    let domain = if domain.is_ascii() && !domain.contains("xn--") {
        domain
    } else {
        ascii_domain(&domain)?
    };
    Some(format!("{local}@{domain}"))
}

/// Converts a domain to ASCII by UTS 46, like browsers (WHATWG URL, domain to ASCII), and checks the
/// lengths that the DNS allows.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::URL,
        Hyphens::Allow,
        DnsLength::Verify,
    );
    ascii.ok().map(Into::into)
}

/// Returns true for a character that is invisible or changes the direction of text. Addresses that
/// differ only in such characters look alike.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns the normalized address, or the first 254 code points of a text that is not an address.
pub(in crate::identity) fn normalized_or_text(email: Option<&EmailAddress>, text: &str) -> String {
    match email {
        Some(email) => email.normalized().to_owned(),
        None => text.chars().take(MAX_BYTES).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_trimmed_and_compared_case_insensitively() {
        let address = EmailAddress::parse("  Ana.Lima@Example.COM\n").unwrap();
        assert_eq!(address.as_str(), "Ana.Lima@Example.COM");
        assert_eq!(address.normalized(), "ana.lima@example.com");
    }

    #[test]
    fn composed_and_decomposed_letters_are_equal() {
        let composed = EmailAddress::parse("Jos\u{e9}@example.com").unwrap();
        let decomposed = EmailAddress::parse("JOSE\u{301}@example.com").unwrap();
        assert_eq!(composed.normalized(), decomposed.normalized());
    }

    #[test]
    fn both_lowercase_sigmas_are_equal() {
        let key = |text| EmailAddress::parse(text).unwrap().normalized().to_owned();
        assert_eq!(
            key("\u{3c3}\u{3b1}\u{3c2}@x.gr"),
            key("\u{3a3}\u{391}\u{3a3}@x.gr")
        );
        assert_eq!(
            key("\u{3c3}\u{3b1}\u{3c3}@x.gr"),
            key("\u{3a3}\u{391}\u{3a3}@x.gr")
        );
    }

    #[test]
    fn domains_are_compared_in_ascii_form() {
        for (key, forms) in [
            (
                "info@xn--mnchen-3ya.example",
                [
                    "info@m\u{fc}nchen.example",
                    "Info@M\u{dc}NCHEN.Example",
                    "info@mu\u{308}nchen.example",
                    "info@xn--mnchen-3ya.example",
                    "info@XN--Mnchen-3YA.example",
                    "info@m\u{fc}nchen\u{3002}example",
                ]
                .as_slice(),
            ),
            (
                "ana@xn--strae-oqa.example",
                &["ana@stra\u{df}e.example", "ana@STRA\u{1e9e}E.example"],
            ),
            (
                "ana@example.com",
                &["ana@\u{ff45}xample.com", "ana@example\u{ff0e}com"],
            ),
            ("jos\u{e9}@example.com", &["JOS\u{c9}@EXAMPLE.com"]),
            ("ana@[127.0.0.1]", &["ana@[127.0.0.1]"]),
        ] {
            for form in forms {
                let address = EmailAddress::parse(form).unwrap();
                assert_eq!(address.normalized(), key, "{form}");
                assert_eq!(address.as_str(), form.nfc().collect::<String>());
            }
        }
    }

    #[test]
    fn invalid_idna_domain_is_rejected() {
        for domain in [
            "xn--a.example".to_owned(),
            "xn--mnchen-3yA3.xn--".to_owned(),
            "m\u{fc}nchen..example".to_owned(),
            "m\u{fc}nchen/.example".to_owned(),
            "m\u{fc}nchen\u{ff20}example".to_owned(),
            "\u{301}a.example".to_owned(),
            format!("{}.example", "\u{fc}".repeat(64)),
        ] {
            assert!(
                EmailAddress::parse(&format!("ana@{domain}")).is_err(),
                "{domain}"
            );
        }
    }

    #[test]
    fn malformed_address_is_rejected() {
        for text in [
            "",
            " ",
            "@",
            "ana",
            "ana@",
            "@example.com",
            "a@b@c",
            "a b@example.com",
            "a@b\u{0}",
            "a@\u{a0}b.c",
            "a\t@b.c",
            "a\u{200b}@b.c",
            "\u{202e}a@b.c",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn address_has_at_most_254_bytes() {
        let of = |bytes: usize| format!("{}@example.com", "a".repeat(bytes - 12));
        assert!(EmailAddress::parse(&of(254)).is_ok());
        assert!(EmailAddress::parse(&of(255)).is_err());
        let wide = format!("{}@example.com", "é".repeat(122));
        assert!(EmailAddress::parse(&wide).is_err());
    }
}
