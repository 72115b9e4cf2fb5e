//! The mutations of recovery: requesting a token by mail, and setting a new password with it.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::accounts;
use crate::{
    error::{Nullable, Result, UserError},
    identity::{error::IdentityError, request::request_context},
};

/// The mutations of recovery.
#[derive(Default)]
pub(crate) struct RecoveryMutation;

#[Object]
impl RecoveryMutation {
    /// Sends a mail with a link that resets the password, if an account has this address. The response is
    /// the same if there is none. The link leads to the page `/reset-password` of the front end
    /// (`CUBBY_APP_URL`), with the token in its fragment: `#token=…`. Its user errors are `EMAIL_INVALID`,
    /// `MAIL_DISABLED`, and `RATE_LIMITED` after 5 requests in an hour for one address from one network,
    /// or 20 for one address or from one network.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address of the account.")] input: RequestPasswordResetInput,
    ) -> Nullable<RequestPasswordResetPayload> {
        Some(input.run(ctx).await)
    }

    /// Sets a new password by a token of `requestPasswordReset`. Ends all sessions of the user and revokes
    /// all personal access tokens; the user then signs in. A token is valid for 30 minutes and once, and
    /// only the newest one is. Its user errors are `TOKEN_INVALID`, `PASSWORD_TOO_WEAK` and
    /// `MAIL_DISABLED`.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token of the mail, and the new password.")] input: ResetPasswordInput,
    ) -> Nullable<ResetPasswordPayload> {
        Some(input.run(ctx).await)
    }
}

/// The address of the account whose password is to be reset.
#[derive(InputObject)]
struct RequestPasswordResetInput {
    /// The email address, in any case.
    email: String,
}

/// The result of `requestPasswordReset`.
#[derive(SimpleObject)]
struct RequestPasswordResetPayload {
    /// Errors that the user can correct; empty on success, whether or not an account has the address.
    user_errors: Vec<UserError>,
}

impl RequestPasswordResetInput {
    async fn run(self, ctx: &Context<'_>) -> Result<RequestPasswordResetPayload> {
        let requested = accounts(ctx)
            .request_password_reset(request_context(ctx), &self.email)
            .await;
        Ok(RequestPasswordResetPayload {
            user_errors: user_errors(requested)?,
        })
    }
}

/// The token of a mail, and the new password.
#[derive(InputObject)]
struct ResetPasswordInput {
    /// The token, from the fragment of the link.
    token: String,
    /// The new password. The rules are those of `SignUpInput.password`.
    new_password: String,
}

/// The result of `resetPassword`.
#[derive(SimpleObject)]
struct ResetPasswordPayload {
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl ResetPasswordInput {
    async fn run(self, ctx: &Context<'_>) -> Result<ResetPasswordPayload> {
        let reset = accounts(ctx)
            .reset_password(request_context(ctx), &self.token, &self.new_password)
            .await;
        Ok(ResetPasswordPayload {
            user_errors: user_errors(reset)?,
        })
    }
}

fn user_errors(done: std::result::Result<(), IdentityError>) -> Result<Vec<UserError>> {
    match done {
        Ok(()) => Ok(Vec::new()),
        Err(error) => error.into_user_errors(),
    }
}
