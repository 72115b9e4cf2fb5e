//! What a session can be told to do: opening it, refreshing it, ending it.

use std::marker::PhantomData;

use async_graphql::{Context, ID, InputObject, Object, OutputType, SimpleObject};

use super::{AuthTokens, SessionPayload, accounts, count, optional, session_payload, sessions};
use crate::{
    error::{Nullable, Result, UserError},
    identity::{
        credentials::password::Password,
        entity::sessions::Delivery,
        graphql::Session,
        request::{request_context, require_interactive},
        sessions::{SessionOptions, end},
    },
    input::{Faults, named_payload},
    scope::Viewer,
};

/// What a session can be told to do; `U` is the schema's user.
pub(crate) struct SessionMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for SessionMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> SessionMutation<U> {
    /// Opens a session. An unknown address and a wrong password are answered alike.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Nullable<SignInPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Gives the tokens that follow a refresh token. The token that was replaced gives the same ones
    /// for ten seconds, and until they are first used; after that, its use ends the session.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        // Not `RefreshSessionInput! = {}`: the engine takes a variable that is left out for a null.
        input: Option<RefreshSessionInput>,
    ) -> Nullable<RefreshSessionPayload> {
        Some(input.unwrap_or_default().run(ctx).await)
    }

    /// Ends the session. It always succeeds, with an expired or absent token too.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        // As for `refreshSession`.
        input: Option<SignOutInput>,
    ) -> Nullable<SignOutPayload> {
        Some(input.unwrap_or_default().run(ctx).await)
    }

    /// Ends one of the viewer's sessions; one that has ended already is fine.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        input: RevokeSessionInput,
    ) -> Nullable<RevokeSessionPayload> {
        Some(input.run(ctx).await)
    }

    /// Ends every session of the viewer's but this one.
    async fn revoke_other_sessions(
        &self,
        ctx: &Context<'_>,
    ) -> Nullable<RevokeOtherSessionsPayload> {
        Some(RevokeOtherSessionsPayload::of(ctx).await)
    }
}

#[derive(InputObject)]
struct SignInInput {
    /// In any case.
    email: String,
    password: String,
    /// How the session's tokens are given.
    #[graphql(default)]
    delivery: Delivery,
    /// The session lives for up to 90 days, and for 30 while nobody uses it; otherwise for 12 hours.
    #[graphql(default = true)]
    remember_me: bool,
    /// What to call the device, 1 to 100 code points.
    device_label: Option<String>,
}

/// The answer to `signIn`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct SignInPayload<U: OutputType> {
    tokens: Option<AuthTokens>,
    /// Whoever signed in; it belongs to the new session, whatever the request's header said.
    user: Option<U>,
    session: Option<Session>,
    user_errors: Vec<UserError>,
}
named_payload!(SignInPayload);

impl SignInInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<SignInPayload<U>> {
        let mut faults = Faults::default();
        let delivery = request_context(ctx).cookies.check_delivery(self.delivery);
        let delivery = faults.check("delivery", delivery);
        let label = faults.check("deviceLabel", optional(self.device_label));
        let opened = match (delivery, label) {
            (Some(delivery), Some(label)) => {
                let password = Password::from_input(&self.password);
                let options = SessionOptions {
                    label,
                    delivery,
                    remember_me: self.remember_me,
                };
                accounts(ctx)
                    .sign_in(request_context(ctx), &self.email, password, options)
                    .await
            }
            _ => Err(faults.into()),
        };
        let SessionPayload {
            tokens,
            user,
            session,
            user_errors,
        } = session_payload(opened)?;
        Ok(SignInPayload {
            tokens,
            user,
            session,
            user_errors,
        })
    }
}

#[derive(InputObject, Default)]
struct RefreshSessionInput {
    /// Left out or null, it is taken from the cookie.
    refresh_token: Option<String>,
}

/// The answer to `refreshSession`.
#[derive(SimpleObject)]
struct RefreshSessionPayload {
    tokens: Option<AuthTokens>,
    session: Option<Session>,
    user_errors: Vec<UserError>,
}

impl RefreshSessionInput {
    async fn run(self, ctx: &Context<'_>) -> Result<RefreshSessionPayload> {
        let token = self.refresh_token.as_deref();
        let refreshed = sessions(ctx).refresh(request_context(ctx), token).await;
        let SessionPayload::<Viewer> {
            tokens,
            session,
            user_errors,
            ..
        } = session_payload(refreshed)?;
        Ok(RefreshSessionPayload {
            tokens,
            session,
            user_errors,
        })
    }
}

#[derive(InputObject, Default)]
struct SignOutInput {
    /// For a client whose access token has expired already.
    refresh_token: Option<String>,
    /// Every session of the person's, not only this one. With a token that has expired, only its
    /// own session ends.
    #[graphql(default = false)]
    everywhere: bool,
}

/// The answer to `signOut`.
#[derive(SimpleObject)]
struct SignOutPayload {
    /// How many sessions that ended; none when there was nothing to end.
    ended_sessions: i32,
    user_errors: Vec<UserError>,
}

impl SignOutInput {
    async fn run(self, ctx: &Context<'_>) -> Result<SignOutPayload> {
        let ended = sessions(ctx)
            .sign_out(
                request_context(ctx),
                self.refresh_token.as_deref(),
                self.everywhere,
            )
            .await?;
        Ok(SignOutPayload {
            ended_sessions: count(ended),
            user_errors: Vec::new(),
        })
    }
}

#[derive(InputObject)]
struct RevokeSessionInput {
    id: ID,
}

/// The answer to `revokeSession`.
#[derive(SimpleObject)]
struct RevokeSessionPayload {
    revoked_session_id: Option<ID>,
    user_errors: Vec<UserError>,
}

impl RevokeSessionInput {
    async fn run(self, ctx: &Context<'_>) -> Result<RevokeSessionPayload> {
        let revoked = end::revoke(
            require_interactive(ctx)?,
            request_context(ctx),
            self.id.parse().ok(),
        )
        .await;
        let (revoked_session_id, user_errors) = match revoked {
            Ok(id) => (Some(id.into()), Vec::new()),
            Err(error) => (None, error.into_user_errors()?),
        };
        Ok(RevokeSessionPayload {
            revoked_session_id,
            user_errors,
        })
    }
}

/// The answer to `revokeOtherSessions`.
#[derive(SimpleObject)]
struct RevokeOtherSessionsPayload {
    revoked_session_ids: Vec<ID>,
    user_errors: Vec<UserError>,
}

impl RevokeOtherSessionsPayload {
    async fn of(ctx: &Context<'_>) -> Result<Self> {
        let revoked =
            end::revoke_others(require_interactive(ctx)?, &request_context(ctx).device).await?;
        Ok(Self {
            revoked_session_ids: revoked.into_iter().map(ID::from).collect(),
            user_errors: Vec::new(),
        })
    }
}
