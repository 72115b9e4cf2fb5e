//! Titles of tasks: validates them, and folds their case for comparisons.

use unicode_normalization::UnicodeNormalization;

use crate::error::{FieldError, UserErrorCode};

/// The maximum length of a title, in code points.
pub(crate) const MAX_TITLE_CHARS: usize = 500;

/// A title: 1 to 500 code points, trimmed, without U+0000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Title(String);

impl Title {
    pub(crate) fn parse(text: &str) -> Result<Self, FieldError> {
        let title = text.trim();
        if title.is_empty() {
            return Err(FieldError::new(UserErrorCode::Required, "Write a title."));
        }
        if title.chars().count() > MAX_TITLE_CHARS {
            return Err(FieldError::new(
                UserErrorCode::TooLong,
                format!("Write a title of at most {MAX_TITLE_CHARS} characters."),
            ));
        }
        if title.contains('\0') {
            return Err(FieldError::new(
                UserErrorCode::Invalid,
                "A title cannot contain the character U+0000.",
            ));
        }
        Ok(Self(title.to_owned()))
    }

    /// Wraps a stored title, which was validated before it was stored.
    pub(super) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the title with its case folded: the text by which titles are compared.
    pub(super) fn folded(&self) -> String {
        fold(&self.0)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Folds the case of a text (full Unicode case folding, then NFC): texts that differ only in case fold
/// equally. The databases' own folding depends on their version and locale.
pub(super) fn fold(text: &str) -> String {
    unicase::UniCase::unicode(text)
        .to_folded_case()
        .nfc()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_has_1_to_500_code_points_after_trimming() {
        assert_eq!(
            Title::parse("  Buy milk \n").unwrap().into_string(),
            "Buy milk"
        );
        assert!(Title::parse(&format!(" {} ", "é".repeat(500))).is_ok());
        assert!(Title::parse(&"é".repeat(501)).is_err());
        for empty in ["", " ", "\t\u{a0}\n"] {
            assert!(Title::parse(empty).is_err(), "{empty:?}");
        }
        assert!(Title::parse("a\0b").is_err());
    }

    #[test]
    fn titles_that_differ_only_in_case_fold_equally() {
        let key = |text| Title::parse(text).unwrap().folded();
        assert_eq!(key("STRASSE"), key("straße"));
        assert_eq!(key("ÉTÉ"), key("e\u{301}te\u{301}"));
        assert_ne!(key("milk"), key("silk"));
    }
}
