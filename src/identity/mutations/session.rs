//! The mutations of sessions: opening, refreshing and ending them.

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
    input::{FieldErrors, named_payload},
    scope::Viewer,
};

/// The mutations of sessions; `U` is the schema's `User` type.
pub(crate) struct SessionMutation<U>(PhantomData<fn() -> U>);

impl<U> Default for SessionMutation<U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

#[Object]
impl<U: OutputType + From<Viewer>> SessionMutation<U> {
    /// Opens a session with the password. A session that the request came with ends, except on a
    /// WebSocket. Its user errors are `INVALID_CREDENTIALS`, which is the same for an unknown email, a
    /// wrong password and a disabled account, `RATE_LIMITED`, `INVALID` for `delivery`, and `TOO_SHORT`,
    /// `TOO_LONG` and `INVALID` for `deviceLabel`.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The email and the password, and the options of the session.")]
        input: SignInInput,
    ) -> Nullable<SignInPayload<U>> {
        Some(input.run(ctx).await)
    }

    /// Exchanges a refresh token for the session's next tokens, and extends the session. The previous
    /// refresh token returns its successor again for ten seconds, and as long as no access token
    /// issued since is used, so that a lost response can be retried. After that, using it ends the
    /// session with `TOKEN_REUSED`. Its user errors are `TOKEN_INVALID`, `TOKEN_REUSED`, and `INVALID` for
    /// a cookie on a WebSocket. More than 60 refreshes of a session in a minute fail with the top-level
    /// error `RATE_LIMITED`.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        // Not `RefreshSessionInput! = {}`: async-graphql treats an omitted variable as null.
        #[graphql(
            desc = "The refresh token. If omitted or null, the cookie's refresh token is used."
        )]
        input: Option<RefreshSessionInput>,
    ) -> Nullable<RefreshSessionPayload> {
        Some(input.unwrap_or_default().run(ctx).await)
    }

    /// Ends the sessions that the request names by its credentials, its cookies or `refreshToken`, and
    /// clears the request's cookies. It has no user errors: with expired credentials it ends their
    /// session, and without credentials it ends none. A personal access token is not revoked.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        // Optional for the same reason as in `refreshSession`.
        #[graphql(
            desc = "The options. If omitted or null, only the sessions of the request's credentials and \
                    cookies end."
        )]
        input: Option<SignOutInput>,
    ) -> Nullable<SignOutPayload> {
        Some(input.unwrap_or_default().run(ctx).await)
    }

    /// Ends one of the viewer's sessions, which may be the current one. Repeating it succeeds. Its user
    /// error is `NOT_FOUND`.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session to end.")] input: RevokeSessionInput,
    ) -> Nullable<RevokeSessionPayload> {
        Some(input.run(ctx).await)
    }

    /// Ends all of the viewer's sessions but the current one. Personal access tokens stay valid. It has
    /// no user errors.
    async fn revoke_other_sessions(
        &self,
        ctx: &Context<'_>,
    ) -> Nullable<RevokeOtherSessionsPayload> {
        Some(RevokeOtherSessionsPayload::of(ctx).await)
    }
}

/// The credentials of a sign-in, and the options of the new session.
#[derive(InputObject)]
struct SignInInput {
    /// The email address of the account, in any case.
    email: String,
    /// The password of the account, not trimmed.
    password: String,
    /// The way in which the session's tokens reach the client; `BEARER` if omitted. On a WebSocket,
    /// `HYBRID` and `COOKIE` are rejected with `INVALID`.
    #[graphql(default)]
    delivery: Delivery,
    /// If true, the session ends after 30 days without use and after 90 days at the latest; if false,
    /// after 12 hours. True if omitted.
    #[graphql(default = true)]
    remember_me: bool,
    /// A name for the device, shown as `Session.label`, such as `Laptop`: 1 to 100 code points after
    /// trimming, without control characters. If omitted or null, the session has no label.
    device_label: Option<String>,
}

/// The result of `signIn`.
#[derive(SimpleObject)]
#[graphql(name_type)]
struct SignInPayload<U: OutputType> {
    /// The tokens of the new session; null if there are errors.
    tokens: Option<AuthTokens>,
    /// The user who signed in, read with the new session; null if there are errors.
    user: Option<U>,
    /// The new session; null if there are errors.
    session: Option<Session>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}
named_payload!(SignInPayload);

impl SignInInput {
    async fn run<U: OutputType + From<Viewer>>(
        self,
        ctx: &Context<'_>,
    ) -> Result<SignInPayload<U>> {
        let mut field_errors = FieldErrors::default();
        let delivery = request_context(ctx).cookies.check_delivery(self.delivery);
        let delivery = field_errors.check("delivery", delivery);
        let label = field_errors.check("deviceLabel", optional(self.device_label));
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
            _ => Err(field_errors.into()),
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

/// The refresh token to exchange.
#[derive(InputObject, Default)]
struct RefreshSessionInput {
    /// The refresh token, as `tokens.refreshToken` returned it. If omitted or null, the cookie's
    /// refresh token is used; a request with only a session cookie returns its session unchanged.
    refresh_token: Option<String>,
}

/// The result of `refreshSession`.
#[derive(SimpleObject)]
struct RefreshSessionPayload {
    /// The next tokens of the session; null if there are errors.
    tokens: Option<AuthTokens>,
    /// The refreshed session; null if there are errors.
    session: Option<Session>,
    /// Errors that the user can correct; empty on success.
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

/// The options of `signOut`.
#[derive(InputObject, Default)]
struct SignOutInput {
    /// A refresh token whose session ends as well. For clients whose access token has expired.
    refresh_token: Option<String>,
    /// If true, all sessions of the user end; false if omitted. An expired access token or a replaced
    /// refresh token ends only its own session.
    #[graphql(default = false)]
    everywhere: bool,
}

/// The result of `signOut`.
#[derive(SimpleObject)]
struct SignOutPayload {
    /// The number of sessions that were ended; 0 if there was none to end.
    ended_sessions: i32,
    /// Always empty.
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

/// The session to end.
#[derive(InputObject)]
struct RevokeSessionInput {
    /// The id of the session, such as `session_01h2xcejqtf2nbrexx3vqjhp41`.
    id: ID,
}

/// The result of `revokeSession`.
#[derive(SimpleObject)]
struct RevokeSessionPayload {
    /// The id of the ended session; null if there are errors.
    revoked_session_id: Option<ID>,
    /// Errors that the user can correct; empty on success.
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

/// The result of `revokeOtherSessions`.
#[derive(SimpleObject)]
struct RevokeOtherSessionsPayload {
    /// The ids of the ended sessions; empty if the viewer had no other session.
    revoked_session_ids: Vec<ID>,
    /// Always empty.
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
