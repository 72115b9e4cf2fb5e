//! Refreshing: the next tokens of a session.

use super::{cookies::Carried, delivery::Delivery, new_session, refresh_tokens::Refreshed};
use crate::{
    error::{Error, Fault, Result, UserErrorCode},
    identity::{
        IdentityProvider, Opened, Refusal,
        authenticate::{Caller, Credentials},
        entity::{security_events::Kind, sessions},
        events,
        rate_limit::seconds_until,
        unscoped,
    },
};

/// Gives the tokens that follow the one that is presented, or the one in the cookie. A session whose
/// cookie authenticates it has none, and is left as it is.
pub(in crate::identity) async fn refresh(
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
    let issue = |session: &sessions::Model| provider.issue(session, now);
    let (database, activity) = (&provider.database, &provider.activity);
    match unscoped::refresh(database, presented, activity, reuse, now, issue).await? {
        Refreshed::Session(session, issued) => {
            Ok(provider.opened(*session, issued, now, &caller.cookies))
        }
        Refreshed::Reused(user_id) => {
            provider.changes.sessions_ended(user_id);
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
    let session = new_session::one(viewer, &provider.activity, viewer.session_id()).await?;
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
