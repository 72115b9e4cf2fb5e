//! An e-mail address: kept as it was typed, compared without regard to case and to how its domain is written.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use crate::error::{Fault, UserErrorCode};

/// The longest address, in bytes (RFC 5321 section 4.5.3.1.3, without its angle brackets).
const MAX_BYTES: usize = 254;

/// An address with a form that mail could be sent to; nobody has been asked whether it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct EmailAddress {
    typed: String,
    normalized: String,
}

impl EmailAddress {
    pub(in crate::identity) fn parse(text: &str) -> Result<Self, Fault> {
        let typed: String = text.trim().nfc().collect();
        let wrong = |message: &str| Err(Fault::new(UserErrorCode::EmailInvalid, message));
        if typed.len() > MAX_BYTES {
            return wrong("An e-mail address has at most 254 bytes.");
        }
        let well_formed = typed
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && typed.matches('@').count() == 1
            && !typed.contains(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c));
        if !well_formed {
            return wrong("Write an e-mail address, such as ana@example.com.");
        }
        let Some(normalized) = normalize(&typed) else {
            return wrong(
                "What follows the @ is no domain name. Check it for mistyped characters, or write it in ASCII (xn--).",
            );
        };
        Ok(Self { typed, normalized })
    }

    /// As it was typed, without the spaces around it.
    pub(in crate::identity) fn as_str(&self) -> &str {
        &self.typed
    }

    /// What makes two addresses the same one.
    pub(in crate::identity) fn normalized(&self) -> &str {
        &self.normalized
    }
}

/// The form by which an address is compared. Browsers send a domain in Unicode or in ASCII for the same thing typed.
fn normalize(address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    let local: String = local
        .to_lowercase()
        // The one letter whose lower case depends on what follows it.
        .replace('ς', "σ")
        .nfc()
        .collect();
    let domain = domain.to_ascii_lowercase();
    // Of others this is their ASCII form already, and they need not be in the DNS.
    let domain = if domain.is_ascii() && !domain.contains("xn--") {
        domain
    } else {
        ascii_domain(&domain)?
    };
    Some(format!("{local}@{domain}"))
}

/// By UTS 46, as browsers do it (WHATWG URL, domain to ASCII), with the lengths that the DNS allows.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::URL,
        Hyphens::Allow,
        DnsLength::Verify,
    );
    ascii.ok().map(Into::into)
}

/// What shows nothing, or turns what follows around: two addresses that differ in it look alike.
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

/// Returns the normalized address, or the first characters of a text that is no address.
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
    fn an_address_is_trimmed_kept_as_typed_and_compared_in_lower_case() {
        let address = EmailAddress::parse("  Ana.Lima@Example.COM\n").unwrap();
        assert_eq!(address.as_str(), "Ana.Lima@Example.COM");
        assert_eq!(address.normalized(), "ana.lima@example.com");
    }

    #[test]
    fn composed_and_decomposed_letters_are_the_same_address() {
        let composed = EmailAddress::parse("Jos\u{e9}@example.com").unwrap();
        let decomposed = EmailAddress::parse("JOSE\u{301}@example.com").unwrap();
        assert_eq!(composed.normalized(), decomposed.normalized());
    }

    #[test]
    fn the_two_small_sigmas_are_one_letter() {
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
    fn domain_is_compared_in_its_ascii_form() {
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
    fn domain_that_is_no_idna_name_is_refused() {
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
    fn what_has_not_one_at_sign_between_two_parts_is_refused() {
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
    fn an_address_has_at_most_254_bytes() {
        let of = |bytes: usize| format!("{}@example.com", "a".repeat(bytes - 12));
        assert!(EmailAddress::parse(&of(254)).is_ok());
        assert!(EmailAddress::parse(&of(255)).is_err());
        let wide = format!("{}@example.com", "é".repeat(122));
        assert!(EmailAddress::parse(&wide).is_err());
    }
}
