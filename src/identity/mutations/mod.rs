//! What accounts and their sessions can be told to do: inputs, payloads, and the verbs between them.
//!
//! A payload that shows a user is generic over it: `graphql/user.rs` puts that type together from more
//! slices than this one.

mod accounts;
mod sessions;

use std::sync::Arc;

use async_graphql::{Context, SimpleObject};

pub(crate) use accounts::{AccountMutation, UpdateProfileInput, UpdateProfilePayload};
pub(crate) use sessions::SessionMutation;

use super::{
    IdentityProvider, Issued, Opened, Refusal, authenticate, graphql::Session, name::Name,
};
use crate::{
    clock::Timestamp,
    error::{Fault, Result, UserError},
    mutation::Faults,
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

impl From<Issued> for AuthTokens {
    fn from(issued: Issued) -> Self {
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
struct Shown<U> {
    tokens: Option<AuthTokens>,
    user: Option<U>,
    session: Option<Session>,
    user_errors: Vec<UserError>,
}

fn show<U: From<Viewer>>(opened: std::result::Result<Opened, Refusal>) -> Result<Shown<U>> {
    match opened {
        Ok(opened) => Ok(Shown {
            tokens: Some(opened.issued.into()),
            user: Some(opened.viewer.into()),
            session: Some(Session::opened(opened.session)),
            user_errors: Vec::new(),
        }),
        Err(refusal) => Ok(Shown {
            tokens: None,
            user: None,
            session: None,
            user_errors: refusal.into_user_errors()?,
        }),
    }
}

fn provider<'a>(ctx: &Context<'a>) -> &'a Arc<IdentityProvider> {
    ctx.data_unchecked()
}

/// Charges whoever asks for work whose amount only the database's rows tell.
///
/// # Errors
/// [`Error::RateLimited`](crate::error::Error::RateLimited) when they have spent their points.
pub(crate) fn charge(ctx: &Context<'_>, points: u64) -> Result<()> {
    provider(ctx).charge(authenticate::caller(ctx), points)
}

fn optional(name: Option<String>) -> std::result::Result<Option<Name>, Fault> {
    name.map(|name| Name::parse(&name)).transpose()
}

/// The schema's integers have 32 bits.
fn count(sessions: u64) -> i32 {
    i32::try_from(sessions).unwrap_or(i32::MAX)
}

impl From<Faults> for Refusal {
    fn from(Faults(errors): Faults) -> Self {
        Self::Wrong(errors)
    }
}

impl Refusal {
    /// What the person can put right; what they cannot is an error of the whole field.
    pub(super) fn into_user_errors(self) -> Result<Vec<UserError>> {
        match self {
            Self::Wrong(errors) => Ok(errors),
            Self::Failed(error) => Err(error),
        }
    }
}
