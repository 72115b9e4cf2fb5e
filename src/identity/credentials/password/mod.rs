//! A password as it is chosen: how long it must and may be, and what it must not be.

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
    error::{Fault, WeakPasswordReason},
    identity::entity::users,
};

/// The service's name.
const SERVICE: &str = "cubby";

/// The shortest word of an address or a name that counts, in code points: shorter ones are in other
/// words by chance.
const MIN_WORD_CHARS: usize = 4;

/// How many code points suffice beside the words that anybody may know: as many as NIST SP 800-63B-4
/// asks of a password that stands alone.
const MIN_REMAINDER_CHARS: usize = 15;

/// A password in NFC, so that it is the same one from every keyboard; otherwise as it was typed.
#[derive(Clone)]
pub(in crate::identity) struct Password {
    nfc: String,
    typed: String,
}

/// Never its value.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What a password must not be made of.
#[derive(Clone, Copy)]
pub(in crate::identity) struct PersonalInfo<'a> {
    pub(in crate::identity) email: Option<&'a str>,
    pub(in crate::identity) name: Option<&'a str>,
}

/// The passwords of this service: their policy, and the threads that hash them.
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

    /// Reads a new password.
    ///
    /// # Errors
    /// If the policy refuses it.
    pub(in crate::identity) fn read_new(
        &self,
        text: &str,
        info: PersonalInfo<'_>,
    ) -> Result<Password, Fault> {
        Password::new(text, self.policy, info)
    }

    /// Hashes a password. Returns a PHC string.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) if too many wait.
    pub(in crate::identity) async fn hash(
        &self,
        password: Password,
    ) -> crate::error::Result<String> {
        self.pool.hash(password).await
    }

    /// Returns the proof if the password is the user's. Without a user it does the same work, and fails.
    ///
    /// # Errors
    /// As for [`Passwords::hash`].
    pub(in crate::identity) async fn verify(
        &self,
        user: Option<users::Model>,
        password: Password,
    ) -> crate::error::Result<Option<PasswordVerified>> {
        self.pool.verify(user, password).await
    }
}

impl Password {
    /// A password to be set, when the policy allows it and it is hard to guess for this person. All
    /// that is wrong with it is told at once.
    fn new(text: &str, policy: PasswordPolicy, person: PersonalInfo<'_>) -> Result<Self, Fault> {
        let password = Self::from_input(text);
        let weaknesses = password.weaknesses(policy, person);
        if weaknesses.is_empty() {
            return Ok(password);
        }
        let hints: Vec<_> = weaknesses
            .iter()
            .map(|weakness| hint(*weakness, policy))
            .collect();
        let message = format!("Choose a password {}.", hints.join(", "));
        Err(Fault::weak_password(message, weaknesses))
    }

    /// A password to be compared with the one that was set, whatever the policy is by now.
    pub(in crate::identity) fn from_input(text: &str) -> Self {
        Self {
            nfc: text.nfc().collect(),
            typed: text.to_owned(),
        }
    }

    pub(in crate::identity) fn as_bytes(&self) -> &[u8] {
        self.nfc.as_bytes()
    }

    /// The forms in which another service may have hashed it, each once: as typed, NFC, NFKC and NFD.
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
        person: PersonalInfo<'_>,
    ) -> Vec<WeakPasswordReason> {
        let (least, most) = policy.lengths();
        let length = self.nfc.chars().count();
        let folded = fold(&self.nfc);
        let personal = person.words();
        let mut beside = folded.replace(SERVICE, "");
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
                is_little && folded.contains(SERVICE),
                WeakPasswordReason::ContainsServiceName,
            ),
        ]
        .into_iter()
        .filter_map(|(applies, reason)| applies.then_some(reason))
        .collect()
    }
}

/// What to do about it, after "Choose a password".
fn hint(weakness: WeakPasswordReason, policy: PasswordPolicy) -> String {
    let (least, most) = policy.lengths();
    match weakness {
        WeakPasswordReason::TooShort => format!("of at least {least} characters"),
        WeakPasswordReason::TooLong => format!("of at most {most} characters"),
        WeakPasswordReason::Common => "that is not among the most used".to_owned(),
        WeakPasswordReason::ContainsPersonalInfo => {
            "without your address or your name in it".to_owned()
        }
        WeakPasswordReason::ContainsServiceName => {
            "without the name of this service in it".to_owned()
        }
    }
}

impl PersonalInfo<'_> {
    /// The address, what is before its `@`, the name, and the words of these; folded, longest first.
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

/// The same for a text in any case and in any form that looks alike (NFKC).
pub(in crate::identity) fn fold(text: &str) -> String {
    // The one letter whose lower case depends on what follows it.
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
        let person = PersonalInfo {
            email: Some(email),
            name: Some(name),
        };
        Password::from_input(text).weaknesses(PasswordPolicy::Standard, person)
    }

    #[test]
    fn a_password_has_8_to_128_code_points_of_any_kind() {
        assert_eq!(weaknesses("m7,k2%x"), [TooShort]);
        assert_eq!(weaknesses("m7,k2%xy"), []);
        assert_eq!(weaknesses("        "), []);
        assert_eq!(weaknesses(&"🔑".repeat(128)), []);
        assert_eq!(weaknesses(&"🔑".repeat(129)), [TooLong]);
    }

    #[test]
    fn a_password_is_counted_and_compared_after_nfc_and_never_trimmed() {
        assert_eq!(weaknesses(&"e\u{301}".repeat(7)), [TooShort]);
        let same = |a: &str, b: &str| {
            Password::from_input(a).as_bytes() == Password::from_input(b).as_bytes()
        };
        assert!(same("caf\u{e9} au lait", "cafe\u{301} au lait"));
        assert!(!same("secret word", "Secret word"));
        assert!(!same("secret word", "secret word "));
    }

    #[test]
    fn the_nist_policy_wants_15_to_256() {
        let weaknesses =
            |text: String| Password::from_input(&text).weaknesses(PasswordPolicy::Nist, NO_INFO);
        assert_eq!(weaknesses("é".repeat(14)), [TooShort]);
        assert_eq!(weaknesses("é".repeat(15)), []);
        assert_eq!(weaknesses("é".repeat(256)), []);
        assert_eq!(weaknesses("é".repeat(257)), [TooLong]);
    }

    #[test]
    fn a_common_password_is_refused_in_every_case_and_form() {
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
    fn a_password_made_of_the_persons_address_or_name_is_refused() {
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
    fn a_password_made_of_the_services_name_is_refused() {
        for text in ["cubbycubby", "Cubby-2026", "my CUBBY rocks"] {
            assert_eq!(weaknesses(text), [ContainsServiceName], "{text}");
        }
    }

    #[test]
    fn what_holds_without_the_words_that_anybody_knows_may_contain_them() {
        let found = |text| weaknesses_for("ana.lima@example.com", "Ana Ferreira", text);
        assert_eq!(found("ana.lima 12345678901234"), []);
        assert_eq!(found("ana.lima 1234567890123"), [ContainsPersonalInfo]);
        assert_eq!(weaknesses("the cubby under the stairs"), []);
        // Neither may fill up for the other.
        assert_eq!(
            found("cubby ferreira 1234567"),
            [ContainsPersonalInfo, ContainsServiceName]
        );
    }

    #[test]
    fn a_short_name_is_no_reason() {
        assert_eq!(weaknesses_for("jo@example.com", "Ana", "bananas & joy"), []);
    }

    #[test]
    fn all_that_is_wrong_with_a_password_is_told_at_once() {
        let person = PersonalInfo {
            email: Some("password@example.com"),
            name: None,
        };
        let fault = Password::new("password", PasswordPolicy::Nist, person).unwrap_err();
        let told = format!("{fault:?}");
        assert!(
            told.contains("[TooShort, Common, ContainsPersonalInfo]"),
            "{told}"
        );
        assert!(
            told.contains(
                "Choose a password of at least 15 characters, that is not among the most used, \
                 without your address or your name in it."
            ),
            "{told}"
        );
    }
}
