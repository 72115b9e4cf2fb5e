//! What a task is called.

use unicode_normalization::UnicodeNormalization;

use crate::error::{Fault, UserErrorCode};

/// The maximum length of a title, in code points.
pub(crate) const MAX_TITLE_CHARS: usize = 500;

/// 1 to 500 code points after trimming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Title(String);

impl Title {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let title = text.trim();
        if title.is_empty() {
            return Err(Fault::new(UserErrorCode::Required, "Write a title."));
        }
        if title.chars().count() > MAX_TITLE_CHARS {
            return Err(Fault::new(
                UserErrorCode::TooLong,
                format!("Write a title of at most {MAX_TITLE_CHARS} characters."),
            ));
        }
        if title.contains('\0') {
            return Err(Fault::new(
                UserErrorCode::Invalid,
                "A title cannot contain the character U+0000.",
            ));
        }
        Ok(Self(title.to_owned()))
    }

    /// A title that has been parsed before it was stored.
    pub(super) fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text that titles are compared by.
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

/// A text folded (full Unicode case folding, then NFC): those that differ only in case have the same
/// one. Neither database folds Unicode in the same way everywhere.
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
    fn a_title_has_1_to_500_code_points_after_trimming() {
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
    fn titles_that_differ_only_in_case_have_the_same_key() {
        let key = |text| Title::parse(text).unwrap().folded();
        assert_eq!(key("STRASSE"), key("straße"));
        assert_eq!(key("ÉTÉ"), key("e\u{301}te\u{301}"));
        assert_ne!(key("milk"), key("silk"));
    }
}
