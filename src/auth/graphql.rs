//! The edge of accounts: what the schema says of a person and their sessions.
//!
//! A payload that shows a user is generic over it: `schema.rs` puts that type together from more
//! slices than this one.

use std::{borrow::Cow, marker::PhantomData, sync::Arc};

use async_graphql::{
    Context, ID, InputObject, MaybeUndefined, Object, OutputType, Result, SimpleObject, TypeName,
};
use tokio::sync::OnceCell;

use super::{
    EmailAddress, IdentityProvider, Name, NewUser, Opened, Password, ProfileChanges, Refusal,
    TimeZone, Viewer, guard::caller, guard::viewer, sessions, users,
};
use crate::{
    clock::Timestamp,
    error::{self, Faults, UserError, clearable, required},
    id::{SessionId, UserId},
};

/// What accounts say of a person: themselves and the session that they are here with.
pub(crate) struct Account {
    viewer: Viewer,
    row: Arc<OnceCell<users::Model>>,
}

impl Account {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self {
            viewer,
            row: Arc::default(),
        }
    }

    pub(crate) fn user_id(&self) -> UserId {
        self.viewer.user_id()
    }

    /// The row, read once however many fields are asked for.
    async fn row(&self) -> error::Result<&users::Model> {
        self.row
            .get_or_try_init(async || super::me(&self.viewer).await)
            .await
    }
}

#[Object]
impl Account {
    /// Stable and global: `user_` and 26 characters.
    async fn id(&self) -> ID {
        self.viewer.user_id().into()
    }

    /// The address, as it was typed.
    async fn email(&self) -> Result<&str> {
        Ok(&self.row().await?.email)
    }

    /// What they call themselves.
    async fn name(&self) -> Result<Option<&str>> {
        Ok(self.row().await?.name.as_deref())
    }

    /// Where their days begin and end.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone::stored(&self.row().await?.time_zone))
    }

    /// When they signed up.
    async fn created_at(&self) -> Result<Timestamp> {
        Ok(self.row().await?.created_at)
    }

    /// When the profile or the password last changed.
    async fn updated_at(&self) -> Result<Timestamp> {
        Ok(self.row().await?.updated_at)
    }

    /// The session that this was read with.
    async fn current_session(&self) -> Result<Session> {
        let session = Session::find(&self.viewer, self.viewer.session_id()).await?;
        session.ok_or_else(|| {
            error::Error::Unauthenticated(error::Reason::SessionEnded).into()
        })
    }
}

/// A place where its owner is signed in.
pub(crate) struct Session {
    row: sessions::Model,
    is_current: bool,
}

impl Session {
    /// The viewer's session with this id.
    pub(crate) async fn find(viewer: &Viewer, id: SessionId) -> error::Result<Option<Self>> {
        let row = super::session(viewer, id).await?;
        Ok(row.map(|row| Self {
            is_current: row.id == viewer.session_id(),
            row,
        }))
    }
}

/// A place where its owner is signed in. It ends when they say so, or at `expiresAt`.
#[Object]
impl Session {
    /// Stable and global: `session_` and 26 characters.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// Whether it is the one that this request came with.
    async fn is_current(&self) -> bool {
        self.is_current
    }

    /// What the device was called at sign-in.
    async fn label(&self) -> Option<&str> {
        self.row.label.as_deref()
    }

    /// The `User-Agent` header at sign-in, its first 500 characters.
    async fn user_agent(&self) -> Option<&str> {
        self.row.user_agent.as_deref()
    }

    /// The network address at sign-in.
    async fn ip_address(&self) -> Option<&str> {
        self.row.ip_address.as_deref()
    }

    /// When it was opened.
    async fn created_at(&self) -> Timestamp {
        self.row.created_at
    }

    /// When it was last used, to the minute.
    async fn last_active_at(&self) -> Timestamp {
        self.row.last_active_at
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> Timestamp {
        self.row.expires_at
    }
}

/// What opens the session from now on.
#[derive(SimpleObject)]
pub(crate) struct AuthTokens {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// When it and its session end.
    access_token_expires_at: Timestamp,
}

/// Names a payload in the schema: they are generic, and a generic type has no name of its own.
macro_rules! named_payload {
    ($($name:ident),*) => {$(
        impl<U: OutputType> TypeName for $name<U> {
            fn type_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}
named_payload!(SignUpPayload, SignInPayload, UpdateProfilePayload, ChangePasswordPayload);

/// The answer to `signUp`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct SignUpPayload<U: OutputType> {
    tokens: Option<AuthTokens>,
    /// Whoever signed up; it belongs to the new session, whatever the request's header said.
    user: Option<U>,
    session: Option<Session>,
    user_errors: Vec<UserError>,
}

/// The answer to `signIn`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct SignInPayload<U: OutputType> {
    tokens: Option<AuthTokens>,
    /// Whoever signed in; it belongs to the new session, whatever the request's header said.
    user: Option<U>,
    session: Option<Session>,
    user_errors: Vec<UserError>,
}

/// The answer to `signOut`.
#[derive(SimpleObject)]
pub(crate) struct SignOutPayload {
    /// How many sessions that ended; none when there was nothing to end.
    ended_sessions: i32,
    user_errors: Vec<UserError>,
}

/// The answer to `updateProfile`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct UpdateProfilePayload<U: OutputType> {
    user: Option<U>,
    user_errors: Vec<UserError>,
}

/// The answer to `changePassword`.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub(crate) struct ChangePasswordPayload<U: OutputType> {
    user: Option<U>,
    /// How many other sessions that ended.
    ended_sessions: i32,
    user_errors: Vec<UserError>,
}

/// The answer to `deleteAccount`.
#[derive(SimpleObject)]
pub(crate) struct DeleteAccountPayload {
    deleted_user_id: Option<ID>,
    user_errors: Vec<UserError>,
}

#[derive(InputObject)]
struct SignUpInput {
    /// At most 254 bytes; unique whatever its case.
    email: String,
    /// As long as `service.passwordPolicy` says, in code points; nothing else is asked of it.
    password: String,
    /// 1 to 100 code points.
    name: Option<String>,
    /// UTC when left out.
    time_zone: Option<TimeZone>,
    /// What to call the device, 1 to 100 code points.
    device_label: Option<String>,
}

#[derive(InputObject)]
struct SignInInput {
    /// In any case.
    email: String,
    password: String,
    /// What to call the device, 1 to 100 code points.
    device_label: Option<String>,
}

#[derive(InputObject, Default)]
struct SignOutInput {
    /// Every session of the person's, not only this one. Needs a token that has not expired; with
    /// one that has, only its own session ends.
    #[graphql(default = false)]
    everywhere: bool,
}

/// Left out is unchanged, null clears.
#[derive(InputObject)]
struct UpdateProfileInput {
    /// 1 to 100 code points.
    name: MaybeUndefined<String>,
    time_zone: MaybeUndefined<TimeZone>,
}

#[derive(InputObject)]
struct ChangePasswordInput {
    current_password: String,
    /// As long as `service.passwordPolicy` says, in code points.
    new_password: String,
    /// End every session but this one.
    #[graphql(default = true)]
    revoke_other_sessions: bool,
}

#[derive(InputObject)]
struct DeleteAccountInput {
    password: String,
    /// The account's address, typed again.
    confirm_email: String,
}

/// What accounts can be told to do.
pub(crate) struct AccountMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for AccountMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> AccountMutation<U> {
    /// Makes an account and signs in to it.
    async fn sign_up(&self, ctx: &Context<'_>, input: SignUpInput) -> Result<Option<SignUpPayload<U>>> {
        let provider = provider(ctx);
        let mut faults = Faults::default();
        let email = faults.check("email", EmailAddress::parse(&input.email));
        let password = faults.check(
            "password",
            Password::choose(&input.password, provider.password_policy),
        );
        let name = faults.check("name", optional(input.name));
        let device_label = faults.check("deviceLabel", optional(input.device_label));
        let (Some(email), Some(password), Some(name), Some(device_label)) =
            (email, password, name, device_label)
        else {
            return Ok(Some(faults.into()));
        };
        let new = NewUser {
            email,
            password,
            name,
            time_zone: input.time_zone.unwrap_or_else(TimeZone::utc),
            device_label,
        };
        let opened = super::sign_up(provider, &caller(ctx).device, new).await;
        answer(opened)
    }

    /// Opens a session. An unknown address and a wrong password are answered alike.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<Option<SignInPayload<U>>> {
        let provider = provider(ctx);
        let mut faults = Faults::default();
        let Some(label) = faults.check("deviceLabel", optional(input.device_label)) else {
            return Ok(Some(faults.into()));
        };
        let opened = super::sign_in(
            provider,
            &caller(ctx).device,
            EmailAddress::parse(&input.email),
            Password::typed(&input.password),
            label,
        )
        .await;
        answer(opened)
    }

    /// Ends the session. It always succeeds, with an expired or absent token too.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] input: SignOutInput,
    ) -> Result<Option<SignOutPayload>> {
        let ended = super::sign_out(provider(ctx), caller(ctx), input.everywhere).await?;
        Ok(Some(SignOutPayload {
            ended_sessions: count(ended),
            user_errors: Vec::new(),
        }))
    }

    /// Changes the name and the time zone.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        input: UpdateProfileInput,
    ) -> Result<Option<UpdateProfilePayload<U>>> {
        let viewer = viewer(ctx)?;
        let mut faults = Faults::default();
        let name = faults.check("name", clearable(input.name, |name| Name::parse(&name)));
        let time_zone = faults.check("timeZone", required(input.time_zone, Ok));
        let (Some(name), Some(time_zone)) = (name, time_zone) else {
            return Ok(Some(faults.into()));
        };
        super::update_profile(viewer, ProfileChanges { name, time_zone }).await?;
        Ok(Some(UpdateProfilePayload {
            user: Some(viewer.clone().into()),
            user_errors: Vec::new(),
        }))
    }

    /// Sets another password.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<Option<ChangePasswordPayload<U>>> {
        let viewer = viewer(ctx)?;
        let provider = provider(ctx);
        let mut faults = Faults::default();
        let new = Password::choose(&input.new_password, provider.password_policy);
        let Some(new) = faults.check("newPassword", new) else {
            return Ok(Some(faults.into()));
        };
        let current = Password::typed(&input.current_password);
        let revoke = input.revoke_other_sessions;
        match super::change_password(provider, viewer, current, new, revoke).await {
            Ok(ended) => Ok(Some(ChangePasswordPayload {
                user: Some(viewer.clone().into()),
                ended_sessions: count(ended),
                user_errors: Vec::new(),
            })),
            Err(refusal) => Ok(Some(refusal.into_faults()?.into())),
        }
    }

    /// Removes the account and everything in it, at once and for good.
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        input: DeleteAccountInput,
    ) -> Result<Option<DeleteAccountPayload>> {
        let viewer = viewer(ctx)?;
        let password = Password::typed(&input.password);
        let deleted: std::result::Result<UserId, _> =
            super::delete_account(provider(ctx), viewer, password, &input.confirm_email)
                .await;
        let (deleted_user_id, user_errors) = match deleted {
            Ok(id) => (Some(id.into()), Vec::new()),
            Err(refusal) => (None, refusal.into_faults()?.0),
        };
        Ok(Some(DeleteAccountPayload {
            deleted_user_id,
            user_errors,
        }))
    }
}

fn provider<'a>(ctx: &Context<'a>) -> &'a IdentityProvider {
    ctx.data_unchecked::<Arc<IdentityProvider>>()
}

fn optional(name: Option<String>) -> std::result::Result<Option<Name>, error::Fault> {
    name.map(|name| Name::parse(&name)).transpose()
}

/// The schema's integers have 32 bits.
fn count(sessions: u64) -> i32 {
    i32::try_from(sessions).unwrap_or(i32::MAX)
}

impl Refusal {
    /// What the person can put right; what they cannot is an error of the whole field.
    fn into_faults(self) -> Result<Faults> {
        match self {
            Self::Wrong(errors) => Ok(Faults(errors)),
            Self::Failed(error) => Err(error.into()),
        }
    }
}

/// The payload of a session that was opened, or of the reasons why none was.
fn answer<P: From<Opened> + From<Faults>>(
    opened: std::result::Result<Opened, Refusal>,
) -> Result<Option<P>> {
    match opened {
        Ok(opened) => Ok(Some(opened.into())),
        Err(refusal) => Ok(Some(refusal.into_faults()?.into())),
    }
}

impl Opened {
    fn into_parts(self) -> (AuthTokens, Viewer, Session) {
        let tokens = AuthTokens {
            access_token: self.access_token,
            access_token_expires_at: self.session.expires_at,
        };
        let session = Session {
            row: self.session,
            is_current: true,
        };
        (tokens, self.viewer, session)
    }
}

impl<U: OutputType + From<Viewer>> From<Opened> for SignUpPayload<U> {
    fn from(opened: Opened) -> Self {
        let (tokens, viewer, session) = opened.into_parts();
        Self {
            tokens: Some(tokens),
            user: Some(viewer.into()),
            session: Some(session),
            user_errors: Vec::new(),
        }
    }
}

impl<U: OutputType + From<Viewer>> From<Opened> for SignInPayload<U> {
    fn from(opened: Opened) -> Self {
        let (tokens, viewer, session) = opened.into_parts();
        Self {
            tokens: Some(tokens),
            user: Some(viewer.into()),
            session: Some(session),
            user_errors: Vec::new(),
        }
    }
}

impl<U: OutputType> From<Faults> for SignUpPayload<U> {
    fn from(Faults(user_errors): Faults) -> Self {
        Self {
            tokens: None,
            user: None,
            session: None,
            user_errors,
        }
    }
}

impl<U: OutputType> From<Faults> for SignInPayload<U> {
    fn from(Faults(user_errors): Faults) -> Self {
        Self {
            tokens: None,
            user: None,
            session: None,
            user_errors,
        }
    }
}

impl<U: OutputType> From<Faults> for UpdateProfilePayload<U> {
    fn from(Faults(user_errors): Faults) -> Self {
        Self {
            user: None,
            user_errors,
        }
    }
}

impl<U: OutputType> From<Faults> for ChangePasswordPayload<U> {
    fn from(Faults(user_errors): Faults) -> Self {
        Self {
            user: None,
            ended_sessions: 0,
            user_errors,
        }
    }
}
