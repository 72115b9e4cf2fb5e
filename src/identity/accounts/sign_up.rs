//! Signing up.

use super::Accounts;
use crate::{
    error::{Fault, UserErrorCode},
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

/// Permission to sign up.
pub(in crate::identity) struct SignUpAllowed(());

impl Accounts {
    /// Permits signing up.
    ///
    /// # Errors
    /// If the service is closed to it.
    pub(in crate::identity) fn allow_sign_up(&self) -> Result<SignUpAllowed, IdentityError> {
        if self.is_sign_up_open() {
            return Ok(SignUpAllowed(()));
        }
        let fault = Fault::new(
            UserErrorCode::SignUpDisabled,
            "Accounts are made by the operator of this service. Ask them for one, or sign in.",
        );
        Err(fault.nowhere().into())
    }

    /// Creates an account and opens its first session.
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
            Fault::new(
                UserErrorCode::EmailTaken,
                "There is an account with this address already. Sign in instead.",
            )
            .at("email")
            .into()
        })
    }
}
