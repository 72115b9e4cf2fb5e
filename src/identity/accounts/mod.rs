//! The operations on accounts: signing up, signing in, changing and resetting the password, and deleting the account.

mod password;
mod recovery;
mod sign_in;
mod sign_up;

use std::{sync::Arc, time::Duration};

pub(crate) use self::recovery::{Outbox, PasswordResets};
pub(in crate::identity) use self::sign_up::SignUp;
use super::{
    credentials::password::{Password, Passwords, PersonalInfo},
    entity::security_events::{ActiveModel, Kind},
    rate_limit::RateLimits,
    request::device::Device,
    security_events::events,
    sessions::Sessions,
    unscoped,
};
use crate::{
    clock::Clock,
    config::{self, PasswordPolicy},
    db::Database,
    error::FieldError,
    id::IdGenerator,
    scope::{Owner, Set},
};

/// The delay after which a failed attempt is recorded, so that recording does not affect the response
/// time.
const RECORD_DELAY: Duration = Duration::from_secs(1);

/// The accounts of all users.
pub(crate) struct Accounts {
    database: Database,
    clock: Clock,
    ids: Arc<IdGenerator>,
    sessions: Arc<Sessions>,
    passwords: Passwords,
    rate_limits: Arc<RateLimits>,
    sign_up: config::SignUp,
    /// `None` if the server sends no mail.
    outbox: Option<Outbox>,
}

impl Accounts {
    pub(in crate::identity) fn new(
        database: Database,
        clock: Clock,
        ids: Arc<IdGenerator>,
        sessions: Arc<Sessions>,
        passwords: Passwords,
        rate_limits: Arc<RateLimits>,
        sign_up: config::SignUp,
    ) -> Self {
        Self {
            database,
            clock,
            ids,
            sessions,
            passwords,
            rate_limits,
            sign_up,
            outbox: None,
        }
    }

    /// Sends mail, if there is an outbox.
    pub(in crate::identity) fn with_outbox(self, outbox: Option<Outbox>) -> Self {
        Self { outbox, ..self }
    }

    /// True if the server sends mail.
    pub(crate) fn sends_mail(&self) -> bool {
        self.outbox.is_some()
    }

    pub(crate) fn password_policy(&self) -> PasswordPolicy {
        self.passwords.policy()
    }

    pub(crate) fn is_sign_up_open(&self) -> bool {
        self.sign_up == config::SignUp::Open
    }

    /// Validates a new password.
    ///
    /// # Errors
    /// Returns an error if the policy rejects the password.
    pub(in crate::identity) fn read_new_password(
        &self,
        text: &str,
        info: PersonalInfo<'_>,
    ) -> Result<Password, FieldError> {
        self.passwords.read_new(text, info)
    }

    /// Records a failed attempt after the response: for an unknown address nothing is recorded, and the
    /// response time must not show the difference. If the process ends before, the record is lost.
    fn record_failure_later(&self, device: &Device, owner: Owner) {
        let event = ActiveModel {
            user_id: Set(owner),
            ..events::new(&self.ids, device, Kind::SignInFailed, self.clock.now())
        };
        let database = self.database.clone();
        tokio::spawn(async move {
            tokio::time::sleep(RECORD_DELAY).await;
            if let Err(error) = unscoped::record(&database, event).await {
                tracing::warn!(?error, "cannot record a failed sign-in");
            }
        });
    }
}
