//! Descriptions of tasks: validates them.

use crate::error::{FieldError, UserErrorCode};

/// The maximum length of a description, in code points.
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 16_384;

/// A description: at most 16,384 code points, not trimmed, without U+0000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description(String);

impl Description {
    pub(crate) fn parse(text: String) -> Result<Self, FieldError> {
        if text.chars().count() > MAX_DESCRIPTION_CHARS {
            return Err(FieldError::new(
                UserErrorCode::TooLong,
                format!("Write a description of at most {MAX_DESCRIPTION_CHARS} characters."),
            ));
        }
        if text.contains('\0') {
            return Err(FieldError::new(
                UserErrorCode::Invalid,
                "A description cannot contain the character U+0000.",
            ));
        }
        Ok(Self(text))
    }

    /// Wraps a stored description, which was validated before it was stored.
    pub(super) fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_has_at_most_16384_code_points_untrimmed() {
        assert_eq!(
            Description::parse(" a ".to_owned()).unwrap().into_string(),
            " a "
        );
        assert!(Description::parse("é".repeat(16_384)).is_ok());
        assert!(Description::parse("é".repeat(16_385)).is_err());
        assert!(Description::parse("\0".to_owned()).is_err());
    }
}
