//! What a person calls themselves or a device.

use unicode_normalization::UnicodeNormalization;

use crate::error::{Fault, UserErrorCode};

/// A person's name or a session's label: 1 to 100 code points after trimming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Name(String);

impl Name {
    pub(in crate::identity) fn parse(text: &str) -> Result<Self, Fault> {
        let name: String = text.trim().nfc().collect();
        if name.is_empty() {
            return Err(Fault::new(
                UserErrorCode::TooShort,
                "Write at least one character.",
            ));
        }
        if name.chars().count() > 100 {
            return Err(Fault::new(
                UserErrorCode::TooLong,
                "Write at most 100 characters.",
            ));
        }
        if name.contains(char::is_control) {
            return Err(Fault::new(
                UserErrorCode::Invalid,
                "Write it on one line, without control characters.",
            ));
        }
        Ok(Self(name))
    }

    pub(in crate::identity) fn as_str(&self) -> &str {
        &self.0
    }

    pub(in crate::identity) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_100_code_points_after_trimming() {
        assert_eq!(Name::parse("  Ana ").unwrap().into_string(), "Ana");
        assert!(Name::parse("   ").is_err());
        assert!(Name::parse(&"é".repeat(100)).is_ok());
        assert!(Name::parse(&"é".repeat(101)).is_err());
        assert!(Name::parse("A\u{0}na").is_err());
    }
}
