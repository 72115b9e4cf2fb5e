//! The verbs of a session: opening it, finding it, ending it.

pub(super) mod activity;
pub(super) mod cache;
pub(super) mod cookies;
pub(super) mod delivery;
pub(super) mod lifetimes;
pub(super) mod listener_poll;
pub(super) mod new_session;
pub(super) mod refresh;
pub(super) mod refresh_tokens;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use delivery::Delivery;
use new_session::{begun, new_row, signed_in, with_id};

use super::{
    IdentityProvider, Opened, Refusal,
    authenticate::{Caller, Credentials},
    device::Device,
    email_address::EmailAddress,
    entity::{
        known_networks,
        security_events::{self, Kind},
        sessions, users,
    },
    events,
    follow_up::follow_up,
    name::Name,
    password::{Password, hasher::Unlocked},
    rate_limit::{self, network::Network},
    unscoped,
};
use crate::{
    clock::Timestamp,
    error::{Error, Fault, Result, UserErrorCode},
    id::SessionId,
    scope::{Filter, Owner, Query, Set, Viewer},
};

/// How often a sign-in is tried whose password was right when it was compared, and whose hash had
/// been replaced when the session was to be opened: by another password, or anew by another sign-in.
const TRIES: u32 = 2;

/// How long a sign-in that fails takes at least: longer than a hash, so that neither the row that an
/// address has nor what is noted of the attempt shows in the time.
const FAILURE: Duration = Duration::from_millis(100);

/// How a session is to be opened.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) label: Option<Name>,
    pub(super) delivery: Delivery,
    pub(super) remember_me: bool,
}

/// Opens a session for whoever has the address and the password.
pub(super) async fn sign_in(
    provider: &Arc<IdentityProvider>,
    caller: &Caller,
    email: &str,
    password: Password,
    opening: Opening,
) -> std::result::Result<Opened, Refusal> {
    let begun = Instant::now();
    // What is no address belongs to nobody, and is answered just like that, after the same work.
    let address = EmailAddress::parse(email).ok();
    let user = user_with(provider, address.as_ref()).await?;
    let owner = user.as_ref().map(|user| user.id);
    let key = rate_limit::key_of(address.as_ref(), email);
    let attempt =
        rate_limit::guess(provider, &caller.device, &key, owner.map(Owner::user_id)).await?;
    let mut unlocked = attempt.unlock(provider, user, password.clone()).await?;
    for tries_left in (0..TRIES).rev() {
        let Some(proof) = &unlocked else { break };
        if let Some(opened) = open_session(provider, caller, proof, opening.clone()).await? {
            return Ok(opened);
        }
        if tries_left > 0 {
            let user = user_with(provider, address.as_ref()).await?;
            unlocked = provider.hasher.unlock(user, password.clone()).await?;
        }
    }
    if let Some(owner) = owner {
        events::record_later(provider, &caller.device, owner, Kind::SignInFailed);
    }
    tokio::time::sleep_until(begun + FAILURE).await;
    let fault = Fault::new(
        UserErrorCode::InvalidCredentials,
        "The address and the password do not match.",
    );
    Err(fault.nowhere().into())
}

async fn user_with(
    provider: &IdentityProvider,
    address: Option<&EmailAddress>,
) -> Result<Option<users::Model>> {
    match address {
        Some(address) => unscoped::user_by_email(&provider.database, address).await,
        None => Ok(None),
    }
}

async fn open_session(
    provider: &Arc<IdentityProvider>,
    caller: &Caller,
    unlocked: &Unlocked,
    opening: Opening,
) -> Result<Option<Opened>> {
    let now = provider.clock.now();
    let owner = unlocked.user().id;
    let session = new_session(provider, owner, &caller.device, opening, now);
    let issued = provider.issue(&session, now)?;
    let event = security_events::ActiveModel {
        user_id: Set(owner),
        ..events::new(&provider.ids, &caller.device, Kind::SignedIn, now)
    };
    let network = network_of(&caller.device, owner, now);
    let row = new_row(session);
    let stored = unscoped::open_session(&provider.database, unlocked, row, event, network).await?;
    let Some(session) = stored else {
        return Ok(None);
    };
    leave(provider, caller).await;
    Ok(Some(provider.opened(session, issued, now, &caller.cookies)))
}

/// Where the person is signing in from.
pub(super) fn network_of(
    device: &Device,
    owner: Owner,
    now: Timestamp,
) -> known_networks::ActiveModel {
    known_networks::ActiveModel {
        user_id: Set(owner),
        network: Set(Network::of(device.ip_address).into_string()),
        last_used_at: Set(now),
    }
}

/// A session that somebody signs in to, not stored yet.
pub(super) fn new_session(
    provider: &IdentityProvider,
    owner: Owner,
    device: &Device,
    opening: Opening,
    now: Timestamp,
) -> sessions::Model {
    let life = if opening.remember_me {
        lifetimes::SESSION
    } else {
        lifetimes::SHORT_SESSION
    };
    let id = SessionId::new(&provider.ids, now);
    sessions::Model {
        delivery: opening.delivery,
        label: opening.label.map(Name::into_string),
        user_agent: device.user_agent(),
        ip_address: device.ip_address(),
        ..begun(id, owner, now, now.plus(life))
    }
}

/// What proves that a request may end a session.
enum Proof {
    /// It is the session that the request comes with.
    Session,
    /// A refresh token of this generation. Unless it was replaced, whoever holds it is as good as
    /// signed in.
    Refresh(i32),
    /// An access token whose time has passed.
    Expired,
}

/// Ends every session that the request names: by its credentials, by its cookies, by a refresh token; or
/// all of their owners'. Answers how many ended. What names no session ends none, and that is fine
/// too.
///
/// # Errors
/// When any of them may live on. The cookies are then left to the client, which sends them again.
pub(super) async fn sign_out(
    provider: &IdentityProvider,
    caller: &Caller,
    refresh_token: Option<&str>,
    everywhere: bool,
) -> Result<u64> {
    if let Credentials::Unverified { issuer } = &caller.credentials
        && unscoped::has_identities(&provider.database, issuer).await?
    {
        // Its session, if it has one, would live on.
        return Err(Error::Unavailable);
    }
    let named = named_by(provider, caller, refresh_token);
    let ended = end_named(provider, &caller.device, named, everywhere).await?;
    caller.cookies.clear_all();
    Ok(ended)
}

async fn end_named(
    provider: &IdentityProvider,
    device: &Device,
    named: Vec<(SessionId, Proof)>,
    everywhere: bool,
) -> Result<u64> {
    let mut count = 0;
    for (session_id, proof) in named {
        let now = provider.clock.now();
        let found = unscoped::session_by_id(&provider.database, session_id).await?;
        let Some(session) = found.filter(|session| session.ended_at.is_none()) else {
            continue;
        };
        let may_end_all = match proof {
            Proof::Session => session.lives_at(now),
            Proof::Refresh(generation) => session.lives_at(now) && session.generation == generation,
            Proof::Expired => false,
        };
        let which = if everywhere && may_end_all {
            Filter::always()
        } else {
            with_id(session_id)
        };
        let viewer = provider.viewer(&session, now);
        let ended = end_by(&viewer, device, which, Kind::SignedOut).await?;
        count += ended.len() as u64;
    }
    Ok(count)
}

/// The sessions that a request names, and by what.
fn named_by(
    provider: &IdentityProvider,
    caller: &Caller,
    refresh_token: Option<&str>,
) -> Vec<(SessionId, Proof)> {
    let cookies = &caller.cookies;
    let of_credentials = match &caller.credentials {
        Credentials::Viewer(viewer) if viewer.is_interactive() => {
            Some((viewer.session_id(), Proof::Session))
        }
        Credentials::Refused { session, .. } => session.map(|session| (session, Proof::Expired)),
        _ => None,
    };
    let of_tokens = [refresh_token, cookies.refresh_token()]
        .into_iter()
        .flatten()
        .filter_map(|token| provider.refresh_tokens.read(token))
        .map(|token| (token.session_id, Proof::Refresh(token.generation)));
    let of_cookie = cookies
        .session()
        .and_then(|sealed| provider.session_of_cookie(sealed))
        .map(|session| (session, Proof::Session));
    of_credentials
        .into_iter()
        .chain(of_tokens)
        .chain(of_cookie)
        .collect()
}

/// Ends the session that a request came with which has opened another one: nobody would end it any
/// more. That of a socket goes on with the socket.
pub(super) async fn leave(provider: &Arc<IdentityProvider>, caller: &Caller) {
    if !caller.cookies.may_be_set() {
        return;
    }
    let named = named_by(provider, caller, None);
    let (provider, device) = (Arc::clone(provider), caller.device.clone());
    let ending = async move { end_named(&provider, &device, named, false).await };
    let ended = follow_up("the session before the new one was not ended", ending).await;
    if ended.is_some() {
        caller.cookies.clear_all();
    }
}

/// Ends one of the viewer's sessions; one that has ended is left as it is.
pub(super) async fn revoke(
    viewer: &Viewer,
    caller: &Caller,
    id: Option<SessionId>,
) -> std::result::Result<SessionId, Refusal> {
    let session = match id {
        Some(id) => {
            viewer
                .find_one(Query::filter(with_id(id).and(signed_in())))
                .await?
        }
        None => None,
    };
    let not_found = || {
        let message = "There is no such session.";
        Fault::new(UserErrorCode::NotFound, message).at("id")
    };
    let id = session.ok_or_else(not_found)?.id;
    let which = with_id(id);
    end_by(viewer, &caller.device, which, Kind::SessionRevoked).await?;
    if id == viewer.session_id() {
        caller.cookies.clear_all();
    }
    Ok(id)
}

/// Ends every session of the viewer's but the one that they are here with.
pub(super) async fn revoke_others(viewer: &Viewer, device: &Device) -> Result<Vec<SessionId>> {
    let others = Filter::ne(sessions::Column::Id, viewer.session_id());
    end_by(viewer, device, others, Kind::SessionRevoked).await
}

/// Ends those of the viewer's sessions that have not ended, and says which. One that was idle for too long
/// ends with them, since a use of it may be about to be written. An access token is none that ends with the
/// others: it is revoked by itself.
pub(super) async fn end(
    viewer: &Viewer,
    which: Filter<sessions::Entity>,
) -> Result<Vec<SessionId>> {
    let row = sessions::ActiveModel {
        ended_at: Set(Some(viewer.now())),
        ..Default::default()
    };
    let which = Filter::all([
        Filter::is_null(sessions::Column::EndedAt),
        Filter::gt(sessions::Column::ExpiresAt, viewer.now()),
        signed_in(),
        which,
    ]);
    let ended = viewer.update(row, which).await?;
    Ok(ended.iter().map(|session| session.id).collect())
}

/// The same, and says so in the viewer's events; when there is none to end, nothing has happened.
async fn end_by(
    viewer: &Viewer,
    device: &Device,
    which: Filter<sessions::Entity>,
    kind: Kind,
) -> Result<Vec<SessionId>> {
    let ended = viewer
        .atomically(async |viewer| {
            // The event first: it locks the person, as whoever deletes the account does first.
            let event = events::new(viewer.ids(), device, kind, viewer.now());
            viewer.insert(event).await?;
            let ended = end(viewer, which).await?;
            if ended.is_empty() {
                return Err(None);
            }
            Ok(ended)
        })
        .await;
    match ended {
        Ok(ended) => Ok(ended),
        Err(None) => Ok(Vec::new()),
        Err(Some(error)) => Err(error),
    }
}
