//! Names of users, devices and personal access tokens.

use unicode_normalization::UnicodeNormalization;

use crate::error::{FieldError, UserErrorCode};

/// The name of a user or the label of a session: 1 to 100 code points after trimming, without control
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Name(String);

impl Name {
    pub(in crate::identity) fn parse(text: &str) -> Result<Self, FieldError> {
        let name: String = text.trim().nfc().collect();
        if name.is_empty() {
            return Err(FieldError::new(
                UserErrorCode::TooShort,
                "Write at least one character.",
            ));
        }
        if name.chars().count() > 100 {
            return Err(FieldError::new(
                UserErrorCode::TooLong,
                "Write at most 100 characters.",
            ));
        }
        if name.contains(char::is_control) {
            return Err(FieldError::new(
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
    fn name_has_1_to_100_code_points_after_trimming() {
        assert_eq!(Name::parse("  Ana ").unwrap().into_string(), "Ana");
        assert!(Name::parse("   ").is_err());
        assert!(Name::parse(&"é".repeat(100)).is_ok());
        assert!(Name::parse(&"é".repeat(101)).is_err());
        assert!(Name::parse("A\u{0}na").is_err());
    }
}
