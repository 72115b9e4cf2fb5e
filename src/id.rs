//! Typed ids: UUIDv7 in the database, and text such as `task_01h2xcejqtf2nbrexx3vqjhp41` in the
//! API.

use std::{
    fmt::Display,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use uuid::{ContextV7, Uuid};

use crate::clock::Timestamp;

/// Defines an id type with its prefix and its conversions to and from the database.
///
/// The text follows TypeID 0.3: the prefix, an underscore, and the UUID's 128 bits as 26 characters
/// of Crockford base 32 in lower case.
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sea_orm::DeriveValueType,
        )]
        pub struct $name(uuid::Uuid);

        const _: () = {
            #[derive(Default)]
            struct Prefix;

            impl type_safe_id::StaticType for Prefix {
                const TYPE: &'static str = $prefix;
            }

            type Text = type_safe_id::TypeSafeId<Prefix>;

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    std::fmt::Display::fmt(&Text::from_uuid(self.0), f)
                }
            }

            impl std::str::FromStr for $name {
                type Err = $crate::id::ParseIdError;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    let id = text.parse::<Text>().map_err(|_| $crate::id::ParseIdError)?;
                    // The library also accepts other spellings; only the canonical one is valid.
                    if id.to_string() == text {
                        Ok(Self(id.uuid()))
                    } else {
                        Err($crate::id::ParseIdError)
                    }
                }
            }
        };

        impl $name {
            pub(crate) fn new(ids: &$crate::id::IdGenerator, now: $crate::clock::Timestamp) -> Self {
                Self(ids.next(now))
            }
        }

        impl $crate::id::TypedId for $name {
            const PREFIX: &'static str = $prefix;

            fn generate(ids: &$crate::id::IdGenerator, now: $crate::clock::Timestamp) -> Self {
                Self::new(ids, now)
            }
        }

        /// Returns the value that the database stores and sorts by.
        impl From<$name> for uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}

/// An id whose text begins with its type's prefix.
pub(crate) trait TypedId: FromStr + Display {
    /// The prefix of the text, without the underscore.
    const PREFIX: &'static str;

    fn generate(ids: &IdGenerator, now: Timestamp) -> Self;

    /// The 26 characters after the prefix.
    fn suffix(&self) -> String {
        let text = self.to_string();
        text[Self::PREFIX.len() + 1..].to_owned()
    }

    fn from_suffix(suffix: &str) -> Option<Self> {
        format!("{}_{suffix}", Self::PREFIX).parse().ok()
    }
}

typed_id!(
    /// A user's id: `user_01jx…`.
    UserId,
    "user"
);
typed_id!(
    /// The id of a user's email address: `email_01jx…`.
    EmailId,
    "email"
);
typed_id!(
    /// The id of a credential, such as a password: `credential_01jx…`.
    CredentialId,
    "credential"
);
typed_id!(
    /// The id of a challenge: `challenge_01jx…`.
    ChallengeId,
    "challenge"
);
typed_id!(
    /// A job's id: `job_01jx…`.
    JobId,
    "job"
);
typed_id!(
    /// A session's id: `session_01jx…`.
    SessionId,
    "session"
);
typed_id!(
    /// A personal access token's id: `token_01jx…`.
    AccessTokenId,
    "token"
);
typed_id!(
    /// A task's id: `task_01jx…`. A client may generate it.
    TaskId,
    "task"
);

typed_id!(
    /// A security event's id: `event_01jx…`.
    SecurityEventId,
    "event"
);

typed_id!(
    /// A request's id, in its response and in the log: `request_01jx…`.
    RequestId,
    "request"
);

impl UserId {
    /// Returns the all-zero id, which belongs to no user: it is not a UUIDv7.
    pub(crate) const fn nil() -> Self {
        Self(Uuid::nil())
    }

    /// Parses a UUID as PostgreSQL writes it as text, such as in a notification.
    pub(crate) fn from_uuid(text: &str) -> Result<Self, ParseIdError> {
        text.parse().map(Self).map_err(|_| ParseIdError)
    }
}

/// The key of a session's row, which tokens and cookies carry: the id of its user and its own. The
/// text joins them with a dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(crate) user_id: UserId,
    pub(crate) session_id: SessionId,
}

impl Display for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.user_id, self.session_id)
    }
}

impl FromStr for SessionKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (user_id, session_id) = text.split_once('.').ok_or(ParseIdError)?;
        Ok(Self {
            user_id: user_id.parse()?,
            session_id: session_id.parse()?,
        })
    }
}

/// A personal access token is a row of `sessions`: both ids have the same UUID.
impl From<AccessTokenId> for SessionId {
    fn from(id: AccessTokenId) -> Self {
        Self(id.0)
    }
}

impl From<SessionId> for AccessTokenId {
    fn from(id: SessionId) -> Self {
        Self(id.0)
    }
}

impl TaskId {
    /// Returns the smallest id, in the database's order, that can be generated at this time.
    pub(crate) fn min_at(made_at: Timestamp) -> Self {
        // 48 bits of milliseconds (RFC 9562, section 5.7).
        let millis = made_at.as_millis().clamp(0, (1 << 48) - 1);
        Self(Uuid::from_u128(u128::from(millis.cast_unsigned()) << 80))
    }

    /// Returns the id for a UID of an imported calendar and a creation time. Equal arguments return
    /// equal ids.
    pub(crate) fn from_external_uid(made_at: Timestamp, name: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&digest.as_ref()[..10]);
        let millis = u64::try_from(made_at.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }

    /// Returns the time when the id was generated, which is the creation time of the task: ids sort
    /// by creation. `None` for a UUID of another version than 7.
    pub(crate) fn created_at(self) -> Option<Timestamp> {
        if self.0.get_version_num() != 7 {
            return None;
        }
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        let millis = i64::try_from(seconds).ok()? * 1000 + i64::from(nanos / 1_000_000);
        Some(Timestamp::from_millis(millis))
    }
}

/// The text is not an id of the expected type.
#[derive(Debug)]
pub struct ParseIdError;

/// Generates ids that increase strictly within the process, even when the clock steps back.
#[derive(Default)]
pub(crate) struct IdGenerator(Mutex<ContextV7>);

impl IdGenerator {
    #[expect(
        clippy::disallowed_methods,
        reason = "only this function generates UUIDs"
    )]
    pub(crate) fn next(&self, now: Timestamp) -> Uuid {
        let context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, millis / 1000, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_text_has_prefix_and_26_characters() {
        let id = TaskId::new(
            &IdGenerator::default(),
            Timestamp::from_millis(1_795_258_938_123),
        );
        let text = id.to_string();
        assert_eq!(text.len(), "task_".len() + 26);
        assert_eq!(text.parse::<TaskId>().unwrap(), id);
        assert_eq!(
            id.created_at(),
            Some(Timestamp::from_millis(1_795_258_938_123))
        );
    }

    #[test]
    fn id_text_matches_typeid_specification() {
        assert_eq!(
            TaskId(Uuid::nil()).to_string(),
            "task_00000000000000000000000000"
        );
        assert_eq!(
            TaskId(Uuid::from_u128(0x0188_bac7_4afa_78aa_bc3b_bd1e_ef28_d881)).to_string(),
            "task_01h2xcejqtf2nbrexx3vqjhp41"
        );
    }

    #[test]
    fn only_canonical_text_of_the_same_type_parses() {
        for text in [
            "",
            "task_",
            "task",
            "01h2xcejqtf2nbrexx3vqjhp41",
            "user_01h2xcejqtf2nbrexx3vqjhp41",
            "TASK_01h2xcejqtf2nbrexx3vqjhp41",
            "task_01H2XCEJQTF2NBREXX3VQJHP41",
            "task_o1h2xcejqtf2nbrexx3vqjhp41",
            "task_81h2xcejqtf2nbrexx3vqjhp41",
            "task_01h2xcejqtf2nbrexx3vqjhp4",
            "task_01h2xcejqtf2nbrexx3vqjhp411",
            " task_01h2xcejqtf2nbrexx3vqjhp41",
            "task_01h2xcejqtf2nbrexx3vqjhp4\u{e9}",
            "task_task_01h2xcejqtf2nbrexx3vqjhp41",
        ] {
            assert!(text.parse::<TaskId>().is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn ids_increase_strictly_even_when_the_clock_steps_back() {
        let ids = IdGenerator::default();
        let mut last = Uuid::nil();
        for millis in [5_000, 5_000, 5_000, 4_000, 1, 6_000, 5_999] {
            let next = ids.next(Timestamp::from_millis(millis));
            assert!(next > last, "{next} after {last}");
            last = next;
        }
    }
}
