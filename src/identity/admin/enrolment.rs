//! People who are made up, many at once, to try things at size.

use std::{ops::RangeInclusive, sync::Arc};

use crate::{
    db::Transaction,
    error::{Fault, Result},
    identity::{
        IdentityProvider, TimeZone,
        device::Device,
        email_address::EmailAddress,
        entity::sessions,
        name::Name,
        password::{Password, Person},
        registration::Newcomer,
        sessions::{Opening, delivery::Delivery, new_session, new_session::new_row},
        unscoped,
    },
    scope::Viewer,
};

/// Where they live, in turn.
const HOMES: [&str; 4] = ["UTC", "Europe/Vienna", "America/New_York", "Asia/Tokyo"];

/// How many addresses are looked up at once.
const AT_ONCE: usize = 500;

/// People to be made up: `person-1@` the domain and so on, all with one password. It is hashed once.
pub(crate) struct Enrolment<'a> {
    provider: &'a IdentityProvider,
    domain: &'a str,
    password_hash: String,
}

impl<'a> Enrolment<'a> {
    /// # Errors
    /// What is wrong with the domain or the password, if something is.
    pub(crate) async fn new(
        provider: &'a IdentityProvider,
        domain: &'a str,
        password: &str,
    ) -> Result<std::result::Result<Self, Fault>> {
        // Where the longest address is one, each is.
        let password = address(u32::MAX, domain).and_then(|longest| {
            let person = Person {
                email: Some(longest.as_str()),
                name: None,
            };
            Password::choose(password, provider.password_policy, person)
        });
        Ok(match password {
            Ok(password) => Ok(Self {
                provider,
                domain,
                password_hash: provider.hasher.hash(password).await?,
            }),
            Err(fault) => Err(fault),
        })
    }

    /// True if no account has the address of one of the first `count`.
    pub(crate) async fn are_free(&self, count: u32) -> Result<bool> {
        for first in (1..=count).step_by(AT_ONCE) {
            let last = count.min(first.saturating_add(AT_ONCE as u32 - 1));
            let addresses = (first..=last).filter_map(|number| address(number, self.domain).ok());
            let addresses: Vec<_> = addresses.collect();
            let keys = addresses.iter().map(EmailAddress::key);
            if !unscoped::taken_keys(&self.provider.database, keys)
                .await?
                .is_empty()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Stores those of these numbers, and what `fill` stores for each, all of it or nothing. Answers
    /// whether their addresses were free.
    pub(crate) async fn enrol(
        &self,
        numbers: RangeInclusive<u32>,
        fill: impl AsyncFn(&Viewer) -> Result<()>,
    ) -> Result<bool> {
        let provider = self.provider;
        let now = provider.clock.now();
        let (mut people, mut opened) = (Vec::new(), Vec::new());
        for number in numbers {
            // The longest was read already: none is left out here.
            let Ok(email) = address(number, self.domain) else {
                continue;
            };
            let newcomer = Newcomer {
                email,
                name: Name::parse(&format!("Person {number}")).ok(),
                time_zone: TimeZone::stored(HOMES[number as usize % HOMES.len()])?,
                password_hash: self.password_hash.clone(),
            };
            let rows = newcomer.into_rows(&provider.ids, &Device::default(), now);
            let opening = Opening {
                label: Name::parse("cubby seed").ok(),
                delivery: Delivery::default(),
                remember_me: false,
            };
            let session = new_session(provider, rows.owner, &Device::default(), opening, now);
            people.push(rows.user);
            opened.push(new_row(session));
        }
        let fill = async |session: &sessions::Model, transaction: Arc<Transaction>| {
            let ids = Arc::clone(&provider.ids);
            let changes = Arc::clone(&provider.changes);
            fill(&Viewer::within(
                session.grant(),
                now,
                ids,
                changes,
                transaction,
            ))
            .await
        };
        unscoped::enrol(&provider.database, people, opened, fill).await
    }
}

fn address(number: u32, domain: &str) -> std::result::Result<EmailAddress, Fault> {
    EmailAddress::parse(&format!("person-{number}@{domain}"))
}
