//! The mutations of accounts and sessions: validates their inputs, runs them, and builds their
//! payloads.
//!
//! A payload with a user is generic over the user's type, because `graphql/user.rs` merges that type
//! from several slices.

mod account;
mod recovery;
mod session;

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};

pub(crate) use account::{AccountMutation, UpdateProfileInput, UpdateProfilePayload};
pub(crate) use recovery::RecoveryMutation;
pub(crate) use session::SessionMutation;

use super::{
    accounts::Accounts,
    error::IdentityError,
    graphql::Session,
    rate_limit::RateLimits,
    request::request_context,
    sessions::{OpenedSession, Sessions, issue::IssuedTokens},
    users::name::Name,
};
use crate::{
    clock::Timestamp,
    error::{FieldError, Result, UserError},
    scope::Viewer,
};

/// The tokens of a session. With `HYBRID` and `COOKIE`, cookies of the response carry those that are
/// null here.
#[derive(SimpleObject)]
struct AuthTokens {
    /// The access token, a JWT. Send it with each request as `Authorization: Bearer …`. Null with
    /// `COOKIE`.
    access_token: Option<String>,
    /// The time at which the access token expires: after 15 minutes, or at the session's end if that is
    /// earlier. Null with `COOKIE`.
    access_token_expires_at: Option<Timestamp>,
    /// The refresh token: `refreshSession` exchanges it once for the next tokens. Null with `COOKIE`, and
    /// with `HYBRID` except on a WebSocket, which cannot set cookies.
    refresh_token: Option<String>,
    /// The time at which the session ends unless it is refreshed before: after 30 days without a refresh,
    /// at most `session.expiresAt`. Null with `COOKIE`.
    refresh_token_expires_at: Option<Timestamp>,
}

impl From<IssuedTokens> for AuthTokens {
    fn from(issued: IssuedTokens) -> Self {
        let (access_token, access_token_expires_at) = issued.access_token.unzip();
        Self {
            access_token,
            access_token_expires_at,
            refresh_token: issued.refresh_token,
            refresh_token_expires_at: issued.refresh_token_expires_at,
        }
    }
}

/// The fields that the payloads of `signUp`, `signIn` and `refreshSession` share.
struct SessionPayload<U> {
    tokens: Option<AuthTokens>,
    user: Option<U>,
    session: Option<Session>,
    user_errors: Vec<UserError>,
}

fn session_payload<U: From<Viewer>>(
    opened: std::result::Result<OpenedSession, IdentityError>,
) -> Result<SessionPayload<U>> {
    match opened {
        Ok(opened) => Ok(SessionPayload {
            tokens: Some(opened.tokens.into()),
            user: Some(opened.viewer.into()),
            session: Some(Session::opened(opened.session)),
            user_errors: Vec::new(),
        }),
        Err(error) => Ok(SessionPayload {
            tokens: None,
            user: None,
            session: None,
            user_errors: error.into_user_errors()?,
        }),
    }
}

fn accounts<'a>(ctx: &Context<'a>) -> &'a Arc<Accounts> {
    ctx.data_unchecked()
}

fn sessions<'a>(ctx: &Context<'a>) -> &'a Arc<Sessions> {
    ctx.data_unchecked()
}

/// Charges the viewer points for work whose amount depends on the rows of the database.
///
/// # Errors
/// Returns [`Error::RateLimited`](crate::error::Error::RateLimited) if the viewer has spent the points
/// of this minute.
pub(crate) fn charge(ctx: &Context<'_>, points: u64) -> Result<()> {
    let rate_limits: &Arc<RateLimits> = ctx.data_unchecked();
    rate_limits.charge(request_context(ctx), points)
}

fn optional(name: Option<String>) -> std::result::Result<Option<Name>, FieldError> {
    name.map(|name| Name::parse(&name)).transpose()
}

/// Converts a number of sessions to a GraphQL `Int`, which has 32 bits.
fn count(sessions: u64) -> i32 {
    i32::try_from(sessions).unwrap_or(i32::MAX)
}
