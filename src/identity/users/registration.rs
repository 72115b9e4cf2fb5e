//! The rows of a new account, shared by sign-up, import and seeding.

use crate::{
    clock::Timestamp,
    id::IdGenerator,
    identity::{
        entity::{
            security_events::{self, Kind},
            users,
        },
        request::device::Device,
        security_events::events,
        users::{email_address::EmailAddress, name::Name, time_zone::TimeZone},
    },
    scope::{Owner, Set},
};

/// A new user whose fields are validated.
pub(in crate::identity) struct NewUser {
    pub(in crate::identity) email: EmailAddress,
    pub(in crate::identity) name: Option<Name>,
    pub(in crate::identity) time_zone: TimeZone,
    pub(in crate::identity) password_hash: String,
}

/// The rows to insert for a new user.
pub(in crate::identity) struct NewUserRows {
    pub(in crate::identity) owner: Owner,
    pub(in crate::identity) user: users::ActiveModel,
    pub(in crate::identity) signed_up_event: security_events::ActiveModel,
}

impl NewUser {
    pub(in crate::identity) fn into_rows(
        self,
        ids: &IdGenerator,
        device: &Device,
        now: Timestamp,
    ) -> NewUserRows {
        let owner = Owner::new_user(ids, now);
        NewUserRows {
            owner,
            user: users::ActiveModel {
                id: Set(owner),
                email: Set(Some(self.email.as_str().to_owned())),
                email_normalized: Set(Some(self.email.normalized().to_owned())),
                name: Set(self.name.map(Name::into_string)),
                time_zone: Set(self.time_zone.into_string()),
                password_hash: Set(Some(self.password_hash)),
                created_at: Set(now),
                updated_at: Set(now),
                disabled_at: Set(None),
            },
            signed_up_event: security_events::ActiveModel {
                user_id: Set(owner),
                ..events::new(ids, device, Kind::SignedUp, now)
            },
        }
    }
}
