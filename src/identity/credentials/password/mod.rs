//! Passwords: the policy for new ones, and the pool of threads that hashes and verifies them.

mod common;
mod hasher;
mod hashing;
pub(in crate::identity) mod imported_hash;

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use self::hasher::HashingPool;
pub(in crate::identity) use self::hasher::PasswordVerified;
pub use self::hashing::HashCost;
use crate::{
    config::PasswordPolicy,
    error::{FieldError, WeakPasswordReason},
    identity::credentials::PasswordUser,
};

/// The service's name.
const SERVICE_NAME: &str = "cubby";

/// The minimum length of a word of an address or a name that a password must not contain, in code
/// points. Shorter words occur in other words by chance.
const MIN_WORD_CHARS: usize = 4;

/// The minimum number of code points that must remain of a password without personal words and the
/// service's name: the minimum length by NIST SP 800-63B-4 of a password that is the only factor. A
/// password with that many may contain such words.
const MIN_REMAINDER_CHARS: usize = 15;

/// A password as typed and in NFC, which does not depend on the keyboard. It is never trimmed.
#[derive(Clone)]
pub(in crate::identity) struct Password {
    nfc: String,
    typed: String,
}

/// Omits the value.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Words about a user that their password must not consist of.
#[derive(Clone, Copy)]
pub(in crate::identity) struct PersonalInfo<'a> {
    pub(in crate::identity) email: Option<&'a str>,
    pub(in crate::identity) name: Option<&'a str>,
}

/// The password policy, and the pool of threads that hashes passwords.
pub(in crate::identity) struct Passwords {
    policy: PasswordPolicy,
    pool: HashingPool,
}

impl Passwords {
    pub(in crate::identity) fn new(policy: PasswordPolicy, cost: &HashCost) -> Self {
        Self {
            policy,
            pool: HashingPool::start(cost),
        }
    }

    pub(in crate::identity) fn policy(&self) -> PasswordPolicy {
        self.policy
    }

    /// Parses a new password.
    ///
    /// # Errors
    /// If the policy rejects it.
    pub(in crate::identity) fn read_new(
        &self,
        text: &str,
        info: PersonalInfo<'_>,
    ) -> Result<Password, FieldError> {
        Password::new(text, self.policy, info)
    }

    /// Hashes a password. Returns a PHC string.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if too many passwords are queued.
    pub(in crate::identity) async fn hash(
        &self,
        password: Password,
    ) -> crate::error::Result<String> {
        self.pool.hash(password).await
    }

    /// Verifies a user's password, and returns the proof if it matches. Without a user, does the
    /// same work and returns nothing, so that the response time does not reveal which addresses
    /// exist.
    ///
    /// # Errors
    /// As for [`Passwords::hash`].
    pub(in crate::identity) async fn verify(
        &self,
        user: Option<PasswordUser>,
        password: Password,
    ) -> crate::error::Result<Option<PasswordVerified>> {
        self.pool.verify(user, password).await
    }
}

impl Password {
    /// Parses a new password for this user.
    ///
    /// # Errors
    /// If the password is weak. The error lists all its weaknesses.
    fn new(text: &str, policy: PasswordPolicy, info: PersonalInfo<'_>) -> Result<Self, FieldError> {
        let password = Self::from_input(text);
        let weaknesses = password.weaknesses(policy, info);
        if weaknesses.is_empty() {
            return Ok(password);
        }
        let hints: Vec<_> = weaknesses
            .iter()
            .map(|weakness| hint(*weakness, policy))
            .collect();
        let message = format!("Choose a password {}.", hints.join(", "));
        Err(FieldError::weak_password(message, weaknesses))
    }

    /// Creates a password to compare with a stored hash. The policy does not apply.
    pub(in crate::identity) fn from_input(text: &str) -> Self {
        Self {
            nfc: text.nfc().collect(),
            typed: text.to_owned(),
        }
    }

    pub(in crate::identity) fn as_bytes(&self) -> &[u8] {
        self.nfc.as_bytes()
    }

    /// Returns the distinct forms that another service may have hashed: as typed, NFC, NFKC and
    /// NFD.
    fn forms(&self) -> Vec<String> {
        let typed = &self.typed;
        let mut forms = vec![typed.clone()];
        for form in [
            self.nfc.clone(),
            typed.nfkc().collect(),
            typed.nfd().collect(),
        ] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }

    fn weaknesses(
        &self,
        policy: PasswordPolicy,
        info: PersonalInfo<'_>,
    ) -> Vec<WeakPasswordReason> {
        let (least, most) = policy.lengths();
        let length = self.nfc.chars().count();
        let folded = fold(&self.nfc);
        let personal = info.words();
        let mut beside = folded.replace(SERVICE_NAME, "");
        for word in &personal {
            beside = beside.replace(word, "");
        }
        let is_little = beside.chars().count() < MIN_REMAINDER_CHARS;
        let is_personal = personal.iter().any(|word| folded.contains(word));
        [
            (length < least, WeakPasswordReason::TooShort),
            (length > most, WeakPasswordReason::TooLong),
            (common::contains(&folded), WeakPasswordReason::Common),
            (
                is_little && is_personal,
                WeakPasswordReason::ContainsPersonalInfo,
            ),
            (
                is_little && folded.contains(SERVICE_NAME),
                WeakPasswordReason::ContainsServiceName,
            ),
        ]
        .into_iter()
        .filter_map(|(applies, reason)| applies.then_some(reason))
        .collect()
    }
}

/// Returns how to correct the weakness, as the end of a sentence that starts "Choose a password".
fn hint(weakness: WeakPasswordReason, policy: PasswordPolicy) -> String {
    let (least, most) = policy.lengths();
    match weakness {
        WeakPasswordReason::TooShort => format!("of at least {least} characters"),
        WeakPasswordReason::TooLong => format!("of at most {most} characters"),
        WeakPasswordReason::Common => "that is not among the most used".to_owned(),
        WeakPasswordReason::ContainsPersonalInfo => {
            "without your email address or name in it".to_owned()
        }
        WeakPasswordReason::ContainsServiceName => {
            "without the name of this service in it".to_owned()
        }
    }
}

impl PersonalInfo<'_> {
    /// Returns the address, its local part, the name, and the words of the latter two; folded,
    /// longest first.
    fn words(&self) -> Vec<String> {
        let local = self.email.and_then(|email| email.split_once('@'));
        let whole = [self.email, local.map(|(local, _)| local), self.name];
        let parts = whole[1..]
            .iter()
            .flatten()
            .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        let mut words: Vec<_> = whole
            .iter()
            .flatten()
            .copied()
            .chain(parts)
            .map(fold)
            .filter(|word| word.chars().count() >= MIN_WORD_CHARS)
            .collect();
        words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
        words
    }
}

/// Folds a text, so that texts compare equal that differ only in case or compatibility form (NFKC).
pub(in crate::identity) fn fold(text: &str) -> String {
    // Sigma is the only letter whose lower case depends on its position in the word.
    text.nfkc()
        .collect::<String>()
        .to_lowercase()
        .replace('ς', "σ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use WeakPasswordReason::{
        Common, ContainsPersonalInfo, ContainsServiceName, TooLong, TooShort,
    };

    const NO_INFO: PersonalInfo<'_> = PersonalInfo {
        email: None,
        name: None,
    };

    fn weaknesses(text: &str) -> Vec<WeakPasswordReason> {
        Password::from_input(text).weaknesses(PasswordPolicy::Standard, NO_INFO)
    }

    fn weaknesses_for(email: &str, name: &str, text: &str) -> Vec<WeakPasswordReason> {
        let info = PersonalInfo {
            email: Some(email),
            name: Some(name),
        };
        Password::from_input(text).weaknesses(PasswordPolicy::Standard, info)
    }

    #[test]
    fn password_has_8_to_128_code_points() {
        assert_eq!(weaknesses("m7,k2%x"), [TooShort]);
        assert_eq!(weaknesses("m7,k2%xy"), []);
        assert_eq!(weaknesses("        "), []);
        assert_eq!(weaknesses(&"🔑".repeat(128)), []);
        assert_eq!(weaknesses(&"🔑".repeat(129)), [TooLong]);
    }

    #[test]
    fn password_is_normalized_to_nfc_and_not_trimmed() {
        assert_eq!(weaknesses(&"e\u{301}".repeat(7)), [TooShort]);
        let same = |a: &str, b: &str| {
            Password::from_input(a).as_bytes() == Password::from_input(b).as_bytes()
        };
        assert!(same("caf\u{e9} au lait", "cafe\u{301} au lait"));
        assert!(!same("secret word", "Secret word"));
        assert!(!same("secret word", "secret word "));
    }

    #[test]
    fn nist_policy_requires_15_to_256_code_points() {
        let weaknesses =
            |text: String| Password::from_input(&text).weaknesses(PasswordPolicy::Nist, NO_INFO);
        assert_eq!(weaknesses("é".repeat(14)), [TooShort]);
        assert_eq!(weaknesses("é".repeat(15)), []);
        assert_eq!(weaknesses("é".repeat(256)), []);
        assert_eq!(weaknesses("é".repeat(257)), [TooLong]);
    }

    #[test]
    fn common_password_is_rejected_in_any_case_and_form() {
        for text in [
            "password",
            "PassWord",
            "12345678",
            "ｐａｓｓｗｏｒｄ",
            "QWERTYUIOP",
            "iloveyou2",
        ] {
            assert_eq!(weaknesses(text), [Common], "{text}");
        }
        assert_eq!(weaknesses("password of the balcony"), []);
    }

    #[test]
    fn password_with_own_address_or_name_is_rejected() {
        for text in [
            "ana.lima@example.com",
            "ANA.LIMA-1",
            "xx ana.lima xx",
            "Ana Ferreira",
            "2026ferreira!",
            "lima-lima-lima",
            "ｆｅｒｒｅｉｒａ22",
        ] {
            let found = weaknesses_for("Ana.Lima@Example.com", "Ana Ferreira", text);
            assert_eq!(found, [ContainsPersonalInfo], "{text}");
        }
        let found = weaknesses_for("jose\u{301}e@example.com", "Σίσυφος", "JOS\u{c9}E-1234");
        assert_eq!(found, [ContainsPersonalInfo]);
        let found = weaknesses_for("jo@example.com", "ΣΊΣΥΦΟΣ", "σίσυφος 9");
        assert_eq!(found, [ContainsPersonalInfo]);
    }

    #[test]
    fn password_with_service_name_is_rejected() {
        for text in ["cubbycubby", "Cubby-2026", "my CUBBY rocks"] {
            assert_eq!(weaknesses(text), [ContainsServiceName], "{text}");
        }
    }

    #[test]
    fn known_words_are_allowed_if_the_remainder_is_long() {
        let found = |text| weaknesses_for("ana.lima@example.com", "Ana Ferreira", text);
        assert_eq!(found("ana.lima 12345678901234"), []);
        assert_eq!(found("ana.lima 1234567890123"), [ContainsPersonalInfo]);
        assert_eq!(weaknesses("the cubby under the stairs"), []);
        // Personal words and the service's name both count as removed.
        assert_eq!(
            found("cubby ferreira 1234567"),
            [ContainsPersonalInfo, ContainsServiceName]
        );
    }

    #[test]
    fn short_names_are_not_checked() {
        assert_eq!(weaknesses_for("jo@example.com", "Ana", "bananas & joy"), []);
    }

    #[test]
    fn all_weaknesses_are_reported_at_once() {
        let info = PersonalInfo {
            email: Some("password@example.com"),
            name: None,
        };
        let fault = Password::new("password", PasswordPolicy::Nist, info).unwrap_err();
        let text = format!("{fault:?}");
        assert!(
            text.contains("[TooShort, Common, ContainsPersonalInfo]"),
            "{text}"
        );
        assert!(
            text.contains(
                "Choose a password of at least 15 characters, that is not among the most used, \
                 without your email address or name in it."
            ),
            "{text}"
        );
    }
}
