//! A password as it is chosen: how long it must and may be.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::{
    config::PasswordPolicy,
    error::{Fault, WeakPasswordReason},
};

/// A password in NFC, so that it is the same one from every keyboard; otherwise as it was typed.
#[derive(Clone)]
pub(super) struct Password(String);

/// Never its value.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Password {
    /// A password to be set: the policy decides.
    pub(super) fn choose(text: &str, policy: PasswordPolicy) -> Result<Self, Fault> {
        let password = Self::typed(text);
        let (least, most) = policy.lengths();
        let length = password.0.chars().count();
        if length < least {
            return Err(Fault::weak_password(
                format!("Choose a password of at least {least} characters."),
                vec![WeakPasswordReason::TooShort],
            ));
        }
        if length > most {
            return Err(Fault::weak_password(
                format!("Choose a password of at most {most} characters."),
                vec![WeakPasswordReason::TooLong],
            ));
        }
        Ok(password)
    }

    /// A password to be compared with the one that was set, whatever the policy is by now.
    pub(super) fn typed(text: &str) -> Self {
        Self(text.nfc().collect())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> bool {
        Password::choose(text, PasswordPolicy::Standard).is_ok()
    }

    #[test]
    fn a_password_has_8_to_128_code_points_of_any_kind() {
        assert!(!chosen("1234567"));
        assert!(chosen("12345678"));
        assert!(chosen("        "));
        assert!(chosen(&"🔑".repeat(128)));
        assert!(!chosen(&"🔑".repeat(129)));
    }

    #[test]
    fn a_password_is_counted_and_compared_after_nfc_and_never_trimmed() {
        assert!(!chosen(&"e\u{301}".repeat(7)));
        let same =
            |a: &str, b: &str| Password::typed(a).as_bytes() == Password::typed(b).as_bytes();
        assert!(same("caf\u{e9} au lait", "cafe\u{301} au lait"));
        assert!(!same("secret word", "Secret word"));
        assert!(!same("secret word", "secret word "));
    }

    #[test]
    fn the_nist_policy_wants_15_to_256() {
        let chosen = |text: String| Password::choose(&text, PasswordPolicy::Nist).is_ok();
        assert!(!chosen("x".repeat(14)));
        assert!(chosen("x".repeat(15)));
        assert!(chosen("x".repeat(256)));
        assert!(!chosen("x".repeat(257)));
    }
}
