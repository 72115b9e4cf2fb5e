//! Refreshing: the next tokens of a session, and what to think of a token that was replaced.

use std::time::Duration;

use sea_orm::ActiveValue::Set;

use super::{
    IdentityProvider, Opened, Refusal,
    cookies::Carried,
    delivery::Delivery,
    entity::{security_events::Kind, sessions},
    events,
    guard::{Caller, Credentials},
    seal::Seal,
    sessions as verbs,
    throttle::seconds_until,
    unscoped,
};
use crate::{
    clock::Timestamp,
    error::{Error, Fault, Result, UserErrorCode},
    id::{SessionId, UserId},
};

/// How long a refresh token that was replaced still gives its successor, whatever has been done
/// with that: several tabs refresh at once.
const GRACE: Duration = Duration::from_secs(10);

/// Proof that a refresh token was issued here, for this session and as this generation of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) session_id: SessionId,
    pub(super) generation: i32,
}

/// What to do for who presents a refresh token of a living session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the current one: the next takes its place.
    Rotate,
    /// It was replaced, and whoever has its successor may not have got it: the same one again.
    Repeat,
    /// It was replaced by one that is in use: two parties hold it.
    Reused,
}

/// What became of the session.
pub(super) enum Refreshed {
    Session(sessions::Model),
    /// It was ended, whosever it was.
    Reused(UserId),
    /// It had ended.
    Gone,
}

/// Makes refresh tokens and reads them back.
pub(super) struct RefreshTokens(Seal);

impl RefreshTokens {
    pub(super) fn new(seal: Seal) -> Self {
        Self(seal)
    }

    /// The token of the session's current generation: always the same one.
    pub(super) fn issue(&self, session: &sessions::Model) -> String {
        self.0
            .seal(&format!("{}.{}", session.id, session.generation))
    }

    pub(super) fn read(&self, token: &str) -> Option<Presented> {
        let (session_id, generation) = self.0.open(token)?.split_once('.')?;
        Some(Presented {
            session_id: session_id.parse().ok()?,
            generation: generation.parse().ok()?,
        })
    }
}

/// Judges a token by its generation and by what has been done with its successor.
pub(super) fn judge(session: &sessions::Model, generation: i32, now: Timestamp) -> Verdict {
    if generation == session.generation {
        return Verdict::Rotate;
    }
    let is_previous = generation == session.generation - 1;
    let is_lately = now.since(session.rotated_at) <= GRACE;
    let is_unused = session.confirmed_generation < session.generation;
    if is_previous && (is_lately || is_unused) {
        Verdict::Repeat
    } else {
        Verdict::Reused
    }
}

/// The row after a rotation.
pub(super) fn rotated(session: &sessions::Model, now: Timestamp) -> sessions::ActiveModel {
    sessions::ActiveModel {
        generation: Set(session.generation + 1),
        rotated_at: Set(now),
        last_active_at: Set(now),
        idle_expires_at: Set(verbs::idle_end(now, session.expires_at)),
        ..Default::default()
    }
}

/// Gives the tokens that follow the one that is presented, or the one in the cookie. A session whose
/// cookie authenticates it has none, and is left as it is.
pub(super) async fn refresh(
    provider: &IdentityProvider,
    caller: &Caller,
    token: Option<&str>,
) -> std::result::Result<Opened, Refusal> {
    let of_cookie = token.is_none();
    let refused = |code| {
        if of_cookie {
            // No page is to be stuck with it.
            caller.cookies.clear(Carried::RefreshToken);
        }
        refused(code)
    };
    let invalid = || refused(UserErrorCode::TokenInvalid);
    let token = match (token, caller.cookies.refresh_token()) {
        (Some(token), _) => token,
        (None, Some(token)) => {
            // In the payload a script could read what the cookie keeps from it.
            let allowed = caller.cookies.allow(Delivery::Hybrid);
            allowed.map_err(|fault| fault.at("refreshToken"))?;
            token
        }
        (None, None) => return unchanged(provider, caller).await?.ok_or_else(invalid),
    };
    let now = provider.clock.now();
    let presented = provider.refresh_tokens.read(token).ok_or_else(invalid)?;
    if !provider.throttle.spares(&caller.device) {
        let taken = provider.refreshes.take(presented.session_id, 1, now);
        taken.map_err(|until| Error::RateLimited(seconds_until(until, now)))?;
    }
    let reuse = events::new(&provider.ids, &caller.device, Kind::RefreshTokenReused, now);
    match unscoped::refresh(&provider.database, presented, reuse, now).await? {
        Refreshed::Session(session) => Ok(provider.opened(session, now, &caller.cookies)?),
        Refreshed::Reused(user_id) => {
            provider.notices.ended(user_id);
            Err(refused(UserErrorCode::TokenReused))
        }
        Refreshed::Gone => Err(invalid()),
    }
}

/// The session whose cookie authenticated the request.
async fn unchanged(provider: &IdentityProvider, caller: &Caller) -> Result<Option<Opened>> {
    let Credentials::Viewer(viewer) = &caller.credentials else {
        return Ok(None);
    };
    let session = verbs::one(viewer, viewer.session_id()).await?;
    let session = session.filter(|session| session.delivery == Delivery::Cookie);
    Ok(session.map(|session| provider.shown(session, viewer.now())))
}

fn refused(code: UserErrorCode) -> Refusal {
    let message = match code {
        UserErrorCode::TokenReused => {
            "The refresh token was used twice, so the session has ended. Sign in again."
        }
        _ => "The refresh token opens nothing. Sign in again.",
    };
    Fault::new(code, message).at("refreshToken").into()
}
