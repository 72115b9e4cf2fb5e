//! An e-mail address: kept as it was typed, compared without regard to case.

use unicode_normalization::UnicodeNormalization;

use crate::error::{Fault, UserErrorCode};

/// The longest address, in bytes (RFC 5321 section 4.5.3.1.3, without its angle brackets).
const LONGEST: usize = 254;

/// An address with a form that mail could be sent to; nobody has been asked whether it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EmailAddress {
    typed: String,
    key: String,
}

impl EmailAddress {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let typed: String = text.trim().nfc().collect();
        let wrong = |message: &str| Err(Fault::new(UserErrorCode::EmailInvalid, message));
        if typed.len() > LONGEST {
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
        // The one letter whose lower case depends on what follows it.
        let key = typed.to_lowercase().replace('ς', "σ").nfc().collect();
        Ok(Self { typed, key })
    }

    /// As it was typed, without the spaces around it.
    pub(super) fn as_str(&self) -> &str {
        &self.typed
    }

    /// What makes two addresses the same one.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_kept_as_typed_and_compared_in_lower_case() {
        let address = EmailAddress::parse("  Ana.Lima@Example.COM\n").unwrap();
        assert_eq!(address.as_str(), "Ana.Lima@Example.COM");
        assert_eq!(address.key(), "ana.lima@example.com");
    }

    #[test]
    fn composed_and_decomposed_letters_are_the_same_address() {
        let composed = EmailAddress::parse("Jos\u{e9}@example.com").unwrap();
        let decomposed = EmailAddress::parse("JOSE\u{301}@example.com").unwrap();
        assert_eq!(composed.key(), decomposed.key());
    }

    #[test]
    fn the_two_small_sigmas_are_one_letter() {
        let key = |text| EmailAddress::parse(text).unwrap().key().to_owned();
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
