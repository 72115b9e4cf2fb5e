//! Somebody who gets an account, and the rows that it begins with.

use super::{
    TimeZone,
    device::Device,
    email_address::EmailAddress,
    entity::{
        security_events::{self, Kind},
        users,
    },
    events,
    name::Name,
};
use crate::{
    clock::Timestamp,
    id::Ids,
    scope::{Owner, Set},
};

pub(super) struct Newcomer {
    pub(super) email: EmailAddress,
    pub(super) name: Option<Name>,
    pub(super) time_zone: TimeZone,
    pub(super) password_hash: String,
}

/// What is stored of a newcomer.
pub(super) struct Rows {
    pub(super) owner: Owner,
    pub(super) user: users::ActiveModel,
    pub(super) arrived: security_events::ActiveModel,
}

impl Newcomer {
    pub(super) fn into_rows(self, ids: &Ids, device: &Device, now: Timestamp) -> Rows {
        let owner = Owner::mint(ids, now);
        Rows {
            owner,
            user: users::ActiveModel {
                id: Set(owner),
                email: Set(self.email.as_str().to_owned()),
                email_key: Set(self.email.key().to_owned()),
                name: Set(self.name.map(Name::into_string)),
                time_zone: Set(self.time_zone.into_string()),
                password_hash: Set(self.password_hash),
                created_at: Set(now),
                updated_at: Set(now),
                disabled_at: Set(None),
            },
            arrived: security_events::ActiveModel {
                user_id: Set(owner),
                ..events::new(ids, device, Kind::SignedUp, now)
            },
        }
    }
}
