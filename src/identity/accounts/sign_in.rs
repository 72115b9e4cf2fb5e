//! Signing in with a password.

use std::time::Duration;

use tokio::time::Instant;

use super::Accounts;
use crate::{
    error::{FieldError, Result, UserErrorCode},
    identity::{
        credentials::{Authenticated, PasswordUser, password::Password},
        error::IdentityError,
        request::RequestContext,
        sessions::{OpenedSession, SessionOptions},
        unscoped,
        users::email_address::{self, EmailAddress},
    },
    scope::Owner,
};

/// The number of attempts to open a session. After the password was verified, a concurrent request may
/// replace the stored hash, by a new password or a rehash.
const MAX_TRIES: u32 = 2;

/// The minimum duration of a failed sign-in. Hashing takes less, so the duration does not reveal
/// whether the account exists.
const MIN_FAILURE_TIME: Duration = Duration::from_millis(100);

impl Accounts {
    /// Opens a session for the user with this address and password.
    ///
    /// # Errors
    /// Returns `INVALID_CREDENTIALS` alike for an unknown or malformed address, a wrong password and a
    /// disabled account, and `RATE_LIMITED`.
    pub(in crate::identity) async fn sign_in(
        &self,
        context: &RequestContext,
        email: &str,
        password: Password,
        options: SessionOptions,
    ) -> std::result::Result<OpenedSession, IdentityError> {
        let begun = Instant::now();
        // A malformed address takes the same work as an unknown one.
        let address = EmailAddress::parse(email).ok();
        let user = self.user_with(address.as_ref()).await?;
        let owner = user.as_ref().map(|user| user.user.id);
        let key = email_address::normalized_or_text(address.as_ref(), email);
        let attempt = self
            .rate_limits
            .check_password_attempt(&context.device, &key, owner.map(Owner::user_id))
            .await?;
        let mut verified = attempt
            .verify(&self.passwords, user, password.clone())
            .await?;
        for tries_left in (0..MAX_TRIES).rev() {
            let Some(password_verified) = verified.take() else {
                break;
            };
            let authenticated = Authenticated::from(password_verified);
            let opened = self
                .sessions
                .open(context, &authenticated, options.clone())
                .await?;
            if let Some(opened) = opened {
                return Ok(opened);
            }
            if tries_left > 0 {
                let user = self.user_with(address.as_ref()).await?;
                verified = self.passwords.verify(user, password.clone()).await?;
            }
        }
        if let Some(owner) = owner {
            self.record_failure_later(&context.device, owner);
        }
        tokio::time::sleep_until(begun + MIN_FAILURE_TIME).await;
        let fault = FieldError::new(
            UserErrorCode::InvalidCredentials,
            "The address and the password do not match.",
        );
        Err(fault.without_path().into())
    }

    async fn user_with(&self, address: Option<&EmailAddress>) -> Result<Option<PasswordUser>> {
        match address {
            Some(address) => unscoped::password_user_by_email(&self.database, address).await,
            None => Ok(None),
        }
    }
}
