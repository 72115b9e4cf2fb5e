//! What accounts and their sessions can be told to do: inputs, payloads, and the verbs between them.
//!
//! A payload that shows a user is generic over it: `graphql/user.rs` puts that type together from more
//! slices than this one.

mod account;
mod session;

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};

pub(crate) use account::{AccountMutation, UpdateProfileInput, UpdateProfilePayload};
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
    error::{Fault, Result, UserError},
    scope::Viewer,
};

/// What opens the session from now on.
#[derive(SimpleObject)]
struct AuthTokens {
    /// Send it as `Authorization: Bearer …`. Null in `COOKIE` delivery.
    access_token: Option<String>,
    /// Fifteen minutes on, or when the session ends. Null in `COOKIE` delivery.
    access_token_expires_at: Option<Timestamp>,
    /// What `refreshSession` takes. Null in `COOKIE` and `HYBRID` delivery.
    refresh_token: Option<String>,
    /// When the session ends unless it is refreshed. Null in `COOKIE` delivery.
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

/// A session that was opened, as the payloads show it; or the reasons why none was.
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

/// Charges the viewer for work whose amount depends on the rows of the database.
///
/// # Errors
/// [`Error::RateLimited`](crate::error::Error::RateLimited) if the viewer has spent their points.
pub(crate) fn charge(ctx: &Context<'_>, points: u64) -> Result<()> {
    let rate_limits: &Arc<RateLimits> = ctx.data_unchecked();
    rate_limits.charge(request_context(ctx), points)
}

fn optional(name: Option<String>) -> std::result::Result<Option<Name>, Fault> {
    name.map(|name| Name::parse(&name)).transpose()
}

/// The schema's integers have 32 bits.
fn count(sessions: u64) -> i32 {
    i32::try_from(sessions).unwrap_or(i32::MAX)
}
