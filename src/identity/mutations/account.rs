//! What an account can be told to do: making it, changing it, ending it.

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
    input::{Faults, clearable, named_payload, required},
    scope::Viewer,
};

/// What an account can be told to do; `U` is the schema's user.
pub(crate) struct AccountMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for AccountMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> AccountMutation<U> {
    /// Makes an account and signs in to it.
    async fn sign_up(&self, ctx: &Context<'_>, input: SignUpInput) -> Nullable<SignUpPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Sets another password.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Nullable<ChangePasswordPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Removes the account and everything in it, at once and for good.
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        input: DeleteAccountInput,
    ) -> Nullable<DeleteAccountPayload> {
        Some(input.run(ctx).await)
    }
}

#[derive(InputObject)]
struct SignUpInput {
    /// At most 254 bytes; unique whatever its case.
    email: String,
    /// As long as `service.passwordPolicy` says, in code points. None of the most used ones, and not
    /// made of the address, the name or the service's name.
    password: String,
    /// 1 to 100 code points.
    name: Option<String>,
    /// UTC when left out.
    time_zone: Option<TimeZone>,
    /// How the session's tokens are given.
    #[graphql(default)]
    delivery: Delivery,
    /// What to call the device, 1 to 100 code points.
    device_label: Option<String>,
}

/// The answer to `signUp`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct SignUpPayload<U: OutputType> {
    tokens: Option<AuthTokens>,
    /// Whoever signed up; it belongs to the new session, whatever the request's header said.
    user: Option<U>,
    session: Option<Session>,
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
        // As far as it is right.
        let person = PersonalInfo {
            email: email.as_ref().ok().map(EmailAddress::as_str),
            name: name
                .as_ref()
                .ok()
                .and_then(Option::as_ref)
                .map(Name::as_str),
        };
        let password = accounts.read_new_password(&self.password, person);
        let mut faults = Faults::default();
        let email = faults.check("email", email);
        let password = faults.check("password", password);
        let name = faults.check("name", name);
        let delivery = request_context(ctx).cookies.check_delivery(self.delivery);
        let delivery = faults.check("delivery", delivery);
        let label = faults.check("deviceLabel", optional(self.device_label));
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
            _ => Err(faults.into()),
        }
    }
}

/// Left out is unchanged, null clears.
#[derive(InputObject)]
pub(crate) struct UpdateProfileInput {
    /// 1 to 100 code points.
    name: MaybeUndefined<String>,
    time_zone: MaybeUndefined<TimeZone>,
}

/// The answer to `updateProfile`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct UpdateProfilePayload<U: OutputType> {
    user: Option<U>,
    user_errors: Vec<UserError>,
}
named_payload!(UpdateProfilePayload);

impl UpdateProfileInput {
    /// As [`profile::update_profile`] says of `follow`.
    pub(crate) async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
        follow: profile::Follow,
    ) -> Result<UpdateProfilePayload<U>> {
        let viewer = viewer(ctx)?;
        let mut faults = Faults::default();
        let name = faults.check("name", clearable(self.name, |name| Name::parse(&name)));
        let time_zone = faults.check("timeZone", required(self.time_zone, Ok));
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
            user_errors: faults.0,
        })
    }
}

#[derive(InputObject)]
struct ChangePasswordInput {
    current_password: String,
    /// As long as `service.passwordPolicy` says, in code points. None of the most used ones, and not
    /// made of the address, the name or the service's name.
    new_password: String,
    /// End every session but this one.
    #[graphql(default = true)]
    revoke_other_sessions: bool,
}

/// The answer to `changePassword`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct ChangePasswordPayload<U: OutputType> {
    user: Option<U>,
    /// How many other sessions that ended.
    ended_sessions: i32,
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
        let person = PersonalInfo {
            email: user.email.as_deref(),
            name: user.name.as_deref(),
        };
        let mut faults = Faults::default();
        let new = accounts.read_new_password(&self.new_password, person);
        let changed = match faults.check("newPassword", new) {
            Some(new) => {
                let current = Password::from_input(&self.current_password);
                let revoke = self.revoke_other_sessions;
                let device = &request_context(ctx).device;
                accounts
                    .change_password(viewer, device, user, current, new, revoke)
                    .await
            }
            None => Err(faults.into()),
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

#[derive(InputObject)]
struct DeleteAccountInput {
    password: String,
    /// The account's address, typed again.
    confirm_email: String,
}

/// The answer to `deleteAccount`.
#[derive(SimpleObject)]
struct DeleteAccountPayload {
    deleted_user_id: Option<ID>,
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
