//! Signing up: creates an account and opens its first session.

use super::Accounts;
use crate::{
    error::{FieldError, UserErrorCode},
    identity::{
        credentials::password::Password,
        error::IdentityError,
        request::RequestContext,
        sessions::{OpenedSession, SessionOptions},
        users::{
            email_address::EmailAddress, name::Name, registration::NewUser, time_zone::TimeZone,
        },
    },
};

/// The input of a sign-up.
pub(in crate::identity) struct SignUp {
    pub(in crate::identity) email: EmailAddress,
    pub(in crate::identity) password: Password,
    pub(in crate::identity) name: Option<Name>,
    pub(in crate::identity) time_zone: TimeZone,
    pub(in crate::identity) session: SessionOptions,
}

/// The proof that sign-up is open.
pub(in crate::identity) struct SignUpAllowed(());

impl Accounts {
    /// Returns the proof that sign-up is open.
    ///
    /// # Errors
    /// Returns `SIGN_UP_DISABLED` if sign-up is closed.
    pub(in crate::identity) fn allow_sign_up(&self) -> Result<SignUpAllowed, IdentityError> {
        if self.is_sign_up_open() {
            return Ok(SignUpAllowed(()));
        }
        let fault = FieldError::new(
            UserErrorCode::SignUpDisabled,
            "Sign-up is closed. Ask the operator of this service for an account, or sign in.",
        );
        Err(fault.without_path().into())
    }

    /// Creates an account and opens its first session.
    ///
    /// # Errors
    /// Returns `RATE_LIMITED`, or `EMAIL_TAKEN`.
    pub(in crate::identity) async fn sign_up(
        &self,
        context: &RequestContext,
        SignUpAllowed(()): SignUpAllowed,
        sign_up: SignUp,
    ) -> Result<OpenedSession, IdentityError> {
        let now = self.clock.now();
        self.rate_limits.check_sign_up(&context.device).await?;
        let user = NewUser {
            email: sign_up.email,
            name: sign_up.name,
            time_zone: sign_up.time_zone,
            password_hash: self.passwords.hash(sign_up.password).await?,
        };
        let rows = user.into_rows(&self.ids, &context.device, now);
        let opened = self.sessions.register(context, rows, sign_up.session, now);
        opened.await?.ok_or_else(|| {
            FieldError::new(
                UserErrorCode::EmailTaken,
                "There is an account with this address already. Sign in instead.",
            )
            .at("email")
            .into()
        })
    }
}
