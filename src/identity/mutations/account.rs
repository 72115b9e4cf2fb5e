//! The mutations of an account: signing up, changing the profile and the password, and deleting the
//! account.

use std::marker::PhantomData;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OutputType, SimpleObject};

use super::{AuthTokens, SessionPayload, accounts, optional, session_payload};
use crate::{
    error::{Nullable, Result, UserError},
    identity::{
        accounts::SignUp,
        credentials::password::{Password, PersonalInfo},
        entity::sessions::Delivery,
        error::IdentityError,
        graphql::Session,
        request::{request_context, require_interactive, viewer},
        sessions::{OpenedSession, SessionOptions},
        users::{
            email_address::EmailAddress,
            name::Name,
            profile::{self, ProfileChanges},
            time_zone::TimeZone,
        },
    },
    input::{FieldErrors, named_payload, parse_clearable, parse_required},
    scope::Viewer,
};

/// The mutations of an account; `U` is the schema's `User` type.
pub(crate) struct AccountMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for AccountMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> AccountMutation<U> {
    /// Creates an account and opens its first session. A session that the request came with ends,
    /// except on a WebSocket. Its user errors are `EMAIL_INVALID`, `EMAIL_TAKEN`, `PASSWORD_TOO_WEAK`,
    /// `TOO_SHORT`, `TOO_LONG` and `INVALID` for a field, `SIGN_UP_DISABLED`, and `RATE_LIMITED` after
    /// 20 sign-ups from one network in an hour.
    async fn sign_up(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fields of the new account, and the options of its first session.")]
        input: SignUpInput,
    ) -> Nullable<SignUpPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Changes the password, and ends the other sessions unless `revokeOtherSessions` is false. The
    /// current session and the personal access tokens stay valid. Its user errors are
    /// `PASSWORD_TOO_WEAK`, `INVALID_CREDENTIALS`, `NO_PASSWORD` and `RATE_LIMITED`.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The current password and the new one.")] input: ChangePasswordInput,
    ) -> Nullable<ChangePasswordPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Deletes the account with all its data, immediately and permanently. Its user errors are `INVALID`
    /// for `confirmEmail`, `INVALID_CREDENTIALS`, `NO_PASSWORD` and `RATE_LIMITED`.
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password and the email of the account, as confirmation.")]
        input: DeleteAccountInput,
    ) -> Nullable<DeleteAccountPayload> {
        Some(input.run(ctx).await)
    }
}

/// The fields of a new account, and the options of its first session.
#[derive(InputObject)]
struct SignUpInput {
    /// The email address, at most 254 bytes after trimming. No other account can have it, ignoring
    /// case: otherwise it is rejected with `EMAIL_TAKEN`.
    email: String,
    /// The password. At least `service.passwordPolicy.minLength` and at most
    /// `maxLength` code points after NFC normalization, not trimmed. Common passwords, and passwords
    /// made of the email, the name or the service's name, are rejected with `PASSWORD_TOO_WEAK`.
    password: String,
    /// The user's name, 1 to 100 code points after trimming, without control characters. If omitted or
    /// null, the user has no name.
    name: Option<String>,
    /// The user's time zone; UTC if omitted or null.
    time_zone: Option<TimeZone>,
    /// The way in which the session's tokens reach the client; `BEARER` if omitted. On a WebSocket,
    /// `HYBRID` and `COOKIE` are rejected with `INVALID`.
    #[graphql(default)]
    delivery: Delivery,
    /// A name for the device, shown as `Session.label`, such as `Laptop`: 1 to 100 code points after
    /// trimming, without control characters. If omitted or null, the session has no label.
    device_label: Option<String>,
}

/// The result of `signUp`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct SignUpPayload<U: OutputType> {
    /// The tokens of the new session; null if there are errors.
    tokens: Option<AuthTokens>,
    /// The new user, read with the new session; null if there are errors.
    user: Option<U>,
    /// The new session; null if there are errors.
    session: Option<Session>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}
named_payload!(SignUpPayload);

impl SignUpInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<SignUpPayload<U>> {
        let SessionPayload {
            tokens,
            user,
            session,
            user_errors,
        } = session_payload(self.sign_up(ctx).await)?;
        Ok(SignUpPayload {
            tokens,
            user,
            session,
            user_errors,
        })
    }

    async fn sign_up(self, ctx: &Context<'_>) -> std::result::Result<OpenedSession, IdentityError> {
        let accounts = accounts(ctx);
        let allowed = accounts.allow_sign_up()?;
        let email = EmailAddress::parse(&self.email);
        let name = optional(self.name);
        // Only the valid parts are compared with the password.
        let person = PersonalInfo {
            email: email.as_ref().ok().map(EmailAddress::as_str),
            name: name
                .as_ref()
                .ok()
                .and_then(Option::as_ref)
                .map(Name::as_str),
        };
        let password = accounts.read_new_password(&self.password, person);
        let mut field_errors = FieldErrors::default();
        let email = field_errors.check("email", email);
        let password = field_errors.check("password", password);
        let name = field_errors.check("name", name);
        let delivery = request_context(ctx).cookies.check_delivery(self.delivery);
        let delivery = field_errors.check("delivery", delivery);
        let label = field_errors.check("deviceLabel", optional(self.device_label));
        match (email, password, name, delivery, label) {
            (Some(email), Some(password), Some(name), Some(delivery), Some(label)) => {
                let sign_up = SignUp {
                    email,
                    password,
                    name,
                    time_zone: self.time_zone.unwrap_or_else(TimeZone::utc),
                    session: SessionOptions {
                        label,
                        delivery,
                        remember_me: true,
                    },
                };
                accounts
                    .sign_up(request_context(ctx), allowed, sign_up)
                    .await
            }
            _ => Err(field_errors.into()),
        }
    }
}

/// Changes of the profile. An omitted field stays unchanged.
#[derive(InputObject)]
pub(crate) struct UpdateProfileInput {
    /// The new name, 1 to 100 code points after trimming, without control characters. Null removes the
    /// name.
    name: MaybeUndefined<String>,
    /// The new time zone. Null is rejected with `REQUIRED`.
    time_zone: MaybeUndefined<TimeZone>,
}

/// The result of `updateProfile`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct UpdateProfilePayload<U: OutputType> {
    /// The changed user; null if there are errors.
    user: Option<U>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}
named_payload!(UpdateProfilePayload);

impl UpdateProfileInput {
    /// Changes the profile; see [`profile::update_profile`] for `follow`.
    pub(crate) async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
        follow: profile::Follow,
    ) -> Result<UpdateProfilePayload<U>> {
        let viewer = viewer(ctx)?;
        let mut field_errors = FieldErrors::default();
        let name = field_errors.check(
            "name",
            parse_clearable(self.name, |name| Name::parse(&name)),
        );
        let time_zone = field_errors.check("timeZone", parse_required(self.time_zone, Ok));
        let user = match (name, time_zone) {
            (Some(name), Some(time_zone)) => {
                let changes = ProfileChanges { name, time_zone };
                profile::update_profile(ctx, viewer, changes, follow).await?;
                Some(viewer.clone().into())
            }
            _ => None,
        };
        Ok(UpdateProfilePayload {
            user,
            user_errors: field_errors.0,
        })
    }
}

/// The current password and the new one.
#[derive(InputObject)]
struct ChangePasswordInput {
    /// The current password. A wrong one is rejected with `INVALID_CREDENTIALS`.
    current_password: String,
    /// The new password. At least `service.passwordPolicy.minLength` and at most
    /// `maxLength` code points after NFC normalization, not trimmed. Common passwords, and passwords
    /// made of the email, the name or the service's name, are rejected with `PASSWORD_TOO_WEAK`.
    new_password: String,
    /// If true, all sessions but the current one end; true if omitted.
    #[graphql(default = true)]
    revoke_other_sessions: bool,
}

/// The result of `changePassword`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct ChangePasswordPayload<U: OutputType> {
    /// The user; null if there are errors.
    user: Option<U>,
    /// The number of other sessions that were ended; 0 if there are errors.
    ended_sessions: i32,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}
named_payload!(ChangePasswordPayload);

impl ChangePasswordInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<ChangePasswordPayload<U>> {
        let viewer = require_interactive(ctx)?;
        let accounts = accounts(ctx);
        let user = profile::me(viewer).await?;
        let email = profile::primary_email(viewer).await?;
        let person = PersonalInfo {
            email: email.as_ref().map(|email| email.address.as_str()),
            name: user.name.as_deref(),
        };
        let mut field_errors = FieldErrors::default();
        let new = accounts.read_new_password(&self.new_password, person);
        let changed = match field_errors.check("newPassword", new) {
            Some(new) => {
                let current = Password::from_input(&self.current_password);
                let revoke = self.revoke_other_sessions;
                let device = &request_context(ctx).device;
                accounts
                    .change_password(viewer, device, current, new, revoke)
                    .await
            }
            None => Err(field_errors.into()),
        };
        let (user, ended, user_errors) = match changed {
            Ok(ended) => (Some(viewer.clone().into()), ended, Vec::new()),
            Err(error) => (None, 0, error.into_user_errors()?),
        };
        Ok(ChangePasswordPayload {
            user,
            ended_sessions: super::count(ended),
            user_errors,
        })
    }
}

/// The confirmation that the account is to be deleted.
#[derive(InputObject)]
struct DeleteAccountInput {
    /// The current password. A wrong one is rejected with `INVALID_CREDENTIALS`.
    password: String,
    /// The email address of the account, as a confirmation, in any case. Another address is rejected
    /// with `INVALID`.
    confirm_email: String,
}

/// The result of `deleteAccount`.
#[derive(SimpleObject)]
struct DeleteAccountPayload {
    /// The id of the deleted user; null if there are errors.
    deleted_user_id: Option<ID>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl DeleteAccountInput {
    async fn run(self, ctx: &Context<'_>) -> Result<DeleteAccountPayload> {
        let viewer = require_interactive(ctx)?;
        let password = Password::from_input(&self.password);
        let device = &request_context(ctx).device;
        let deleted = accounts(ctx)
            .delete_account(viewer, device, password, &self.confirm_email)
            .await;
        let (deleted_user_id, user_errors) = match deleted {
            Ok(id) => {
                request_context(ctx).cookies.clear_all();
                (Some(id.into()), Vec::new())
            }
            Err(error) => (None, error.into_user_errors()?),
        };
        Ok(DeleteAccountPayload {
            deleted_user_id,
            user_errors,
        })
    }
}
