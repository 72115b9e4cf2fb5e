//! Sample users, inserted in batches.

use std::{ops::RangeInclusive, sync::Arc};

use super::UserAdmin;
use crate::{
    db::Transaction,
    error::{FieldError, Result},
    id::SessionId,
    identity::{
        credentials::password::PersonalInfo,
        entity::sessions,
        lifetimes,
        request::device::Device,
        unscoped,
        users::{
            email_address::EmailAddress, name::Name, registration::NewUser, time_zone::TimeZone,
        },
    },
    scope::Viewer,
};

/// The time zones of the users, in turn.
const TIME_ZONES: [&str; 4] = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Tokyo"];

/// The number of addresses in one query.
const BATCH_SIZE: usize = 500;

/// Inserts users `person-1@domain` and so on, all with one password, which is hashed once.
pub(crate) struct UserSeeder<'a> {
    admin: &'a UserAdmin,
    domain: &'a str,
    password_hash: String,
}

impl<'a> UserSeeder<'a> {
    /// # Errors
    /// The inner error describes the invalid domain or password.
    pub(crate) async fn new(
        admin: &'a UserAdmin,
        domain: &'a str,
        password: &str,
    ) -> Result<std::result::Result<Self, FieldError>> {
        // If the longest address is valid, all are.
        let password = address(u32::MAX, domain).and_then(|longest| {
            let person = PersonalInfo {
                email: Some(longest.as_str()),
                name: None,
            };
            admin.passwords.read_new(password, person)
        });
        Ok(match password {
            Ok(password) => Ok(Self {
                admin,
                domain,
                password_hash: admin.passwords.hash(password).await?,
            }),
            Err(fault) => Err(fault),
        })
    }

    /// True if no account has the address of one of the first `count`.
    pub(crate) async fn are_addresses_free(&self, count: u32) -> Result<bool> {
        for first in (1..=count).step_by(BATCH_SIZE) {
            let last = count.min(first.saturating_add(BATCH_SIZE as u32 - 1));
            let addresses = (first..=last).filter_map(|number| address(number, self.domain).ok());
            let addresses: Vec<_> = addresses.collect();
            let keys = addresses.iter().map(EmailAddress::normalized);
            if !unscoped::existing_emails(&self.admin.database, keys)
                .await?
                .is_empty()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Inserts the users of these numbers and the rows that `fill` inserts for each, in one
    /// transaction. Returns false, and inserts nothing, if an address has an account.
    pub(crate) async fn insert_users(
        &self,
        numbers: RangeInclusive<u32>,
        fill: impl AsyncFn(&Viewer) -> Result<()>,
    ) -> Result<bool> {
        let admin = self.admin;
        let now = admin.clock.now();
        let (mut people, mut opened) = (Vec::new(), Vec::new());
        for number in numbers {
            // Always valid: `new` has parsed the longest address.
            let Ok(email) = address(number, self.domain) else {
                continue;
            };
            let newcomer = NewUser {
                email,
                name: Name::parse(&format!("Person {number}")).ok(),
                time_zone: TimeZone::stored(TIME_ZONES[number as usize % TIME_ZONES.len()])?,
                password_hash: self.password_hash.clone(),
            };
            let rows = newcomer.into_rows(&admin.ids, &Device::default(), now);
            let session = sessions::Model {
                label: Name::parse("cubby seed").ok().map(Name::into_string),
                ..sessions::Model::new(
                    SessionId::new(&admin.ids, now),
                    rows.owner,
                    now,
                    now.plus(lifetimes::SHORT_SESSION_LIFETIME),
                )
            };
            people.push(rows);
            opened.push(session.into_insert());
        }
        let fill = async |session: &sessions::Model, transaction: Arc<Transaction>| {
            let ids = Arc::clone(&admin.ids);
            let changes = Arc::clone(&admin.changes);
            fill(&Viewer::within(
                session.grant(),
                now,
                ids,
                changes,
                transaction,
            ))
            .await
        };
        unscoped::insert_users_with(&admin.database, people, opened, fill).await
    }
}

fn address(number: u32, domain: &str) -> std::result::Result<EmailAddress, FieldError> {
    EmailAddress::parse(&format!("person-{number}@{domain}"))
}
