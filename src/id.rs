//! Typed ids: UUIDv7 in the database, and outside it a type prefix and 26 characters.

use std::{
    fmt::Display,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

use uuid::{ContextV7, Uuid};

use crate::clock::Timestamp;

/// Makes an id type: its prefix outside, its conversions to and from the database.
///
/// Written out as TypeID 0.3 says: the prefix, an underscore, and the UUID's 128 bits in
/// Crockford's base 32, lower case.
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
                type Err = $crate::id::NotAnId;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    let id = text.parse::<Text>().map_err(|_| $crate::id::NotAnId)?;
                    // The library reads other spellings of an id too; only its own is the id.
                    if id.to_string() == text {
                        Ok(Self(id.uuid()))
                    } else {
                        Err($crate::id::NotAnId)
                    }
                }
            }
        };

        impl $name {
            pub(crate) fn new(ids: &$crate::id::Ids, now: $crate::clock::Timestamp) -> Self {
                Self(ids.next(now))
            }
        }

        impl $crate::id::TypedId for $name {
            const PREFIX: &'static str = $prefix;

            fn generate(ids: &$crate::id::Ids, now: $crate::clock::Timestamp) -> Self {
                Self::new(ids, now)
            }
        }

        /// As the database has it, and orders it.
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

/// An id that says of what kind it is.
pub(crate) trait TypedId: FromStr + Display {
    /// The prefix outside, without the underscore.
    const PREFIX: &'static str;

    fn generate(ids: &Ids, now: Timestamp) -> Self;

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
    /// A person's id: `user_01jx…`.
    UserId,
    "user"
);
typed_id!(
    /// A session's id: `session_01jx…`.
    SessionId,
    "session"
);
typed_id!(
    /// An access token's id: `token_01jx…`.
    AccessTokenId,
    "token"
);
typed_id!(
    /// A task's id: `task_01jx…`; a client may mint one.
    TaskId,
    "task"
);

typed_id!(
    /// The id of something that happened to an account: `event_01jx…`.
    SecurityEventId,
    "event"
);

typed_id!(
    /// A request's id, in its answer and in the log: `request_01jx…`.
    RequestId,
    "request"
);

impl UserId {
    /// Of no person: no id of version 7 is all zeros.
    pub(crate) const fn nobody() -> Self {
        Self(Uuid::nil())
    }

    /// As the database writes it where nothing says what it is.
    pub(crate) fn from_uuid(text: &str) -> Result<Self, NotAnId> {
        text.parse().map(Self).map_err(|_| NotAnId)
    }
}

/// The key of a session's row, which tokens and cookies carry: its user's id and its own. Written with a dot between
/// the two.
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
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (user_id, session_id) = text.split_once('.').ok_or(NotAnId)?;
        Ok(Self {
            user_id: user_id.parse()?,
            session_id: session_id.parse()?,
        })
    }
}

/// An access token is a session, under a name of its own.
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
    /// The first that an id made then can be, as far as the database orders them.
    pub(crate) fn earliest(made_at: Timestamp) -> Self {
        // 48 bits of milliseconds (RFC 9562, section 5.7).
        let millis = made_at.as_millis().clamp(0, (1 << 48) - 1);
        Self(Uuid::from_u128(u128::from(millis.cast_unsigned()) << 80))
    }

    /// The one that a name of somebody else's stands for, made then.
    pub(crate) fn of_name(made_at: Timestamp, name: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&digest.as_ref()[..10]);
        let millis = u64::try_from(made_at.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }

    /// When the id was made, which is when the task was: creation order is key order.
    /// Nothing for a UUID of another version than 7.
    pub(crate) fn made_at(self) -> Option<Timestamp> {
        if self.0.get_version_num() != 7 {
            return None;
        }
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        let millis = i64::try_from(seconds).ok()? * 1000 + i64::from(nanos / 1_000_000);
        Some(Timestamp::from_millis(millis))
    }
}

/// The text is no id of the kind that was asked for.
#[derive(Debug)]
pub struct NotAnId;

/// Makes ids that increase strictly within the process, even when the clock steps back.
#[derive(Default)]
pub(crate) struct Ids(Mutex<ContextV7>);

impl Ids {
    #[expect(clippy::disallowed_methods, reason = "this is the one maker of ids")]
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
    fn an_id_is_its_prefix_and_26_characters_and_reads_back() {
        let id = TaskId::new(&Ids::default(), Timestamp::from_millis(1_795_258_938_123));
        let text = id.to_string();
        assert_eq!(text.len(), "task_".len() + 26);
        assert_eq!(text.parse::<TaskId>().unwrap(), id);
        assert_eq!(
            id.made_at(),
            Some(Timestamp::from_millis(1_795_258_938_123))
        );
    }

    #[test]
    fn the_nil_id_is_written_as_the_typeid_specification_writes_it() {
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
    fn only_the_one_spelling_of_an_id_of_the_kind_is_read() {
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
        let ids = Ids::default();
        let mut last = Uuid::nil();
        for millis in [5_000, 5_000, 5_000, 4_000, 1, 6_000, 5_999] {
            let next = ids.next(Timestamp::from_millis(millis));
            assert!(next > last, "{next} after {last}");
            last = next;
        }
    }
}
