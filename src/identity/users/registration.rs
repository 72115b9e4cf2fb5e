//! The rows of a new account, shared by sign-up, import and seeding.

use crate::{
    clock::Timestamp,
    id::{CredentialId, EmailId, IdGenerator},
    identity::{
        entity::{
            credentials, emails,
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
#[derive(Clone)]
pub(in crate::identity) struct NewUserRows {
    pub(in crate::identity) owner: Owner,
    pub(in crate::identity) user: users::ActiveModel,
    pub(in crate::identity) email: emails::ActiveModel,
    pub(in crate::identity) password: credentials::ActiveModel,
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
                name: Set(self.name.map(Name::into_string)),
                time_zone: Set(self.time_zone.into_string()),
                created_at: Set(now),
                updated_at: Set(now),
                disabled_at: Set(None),
            },
            email: emails::ActiveModel {
                user_id: Set(owner),
                id: Set(EmailId::new(ids, now)),
                address: Set(self.email.as_str().to_owned()),
                normalized: Set(Some(self.email.normalized().to_owned())),
                verified_at: Set(None),
                is_primary: Set(true),
                created_at: Set(now),
            },
            password: password_row(ids, owner, self.password_hash, now),
            signed_up_event: security_events::ActiveModel {
                user_id: Set(owner),
                ..events::new(ids, device, Kind::SignedUp, now)
            },
        }
    }
}

/// Returns the row of a user's first password.
pub(in crate::identity) fn password_row(
    ids: &IdGenerator,
    owner: Owner,
    hash: String,
    now: Timestamp,
) -> credentials::ActiveModel {
    credentials::ActiveModel {
        user_id: Set(owner),
        id: Set(CredentialId::new(ids, now)),
        kind: Set(credentials::Kind::Password),
        data: Set(hash),
        label: Set(None),
        created_at: Set(now),
        last_used_at: Set(None),
    }
}
