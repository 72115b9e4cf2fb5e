//! The verbs of a session: opening it, finding it, ending it.

use std::time::Duration;

use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter};

use super::{
    IdentityProvider, Opened, Refusal, Viewer,
    email_address::EmailAddress,
    entity::sessions,
    guard::{Caller, Credentials, Device},
    hasher::Unlocked,
    name::Name,
    owned::Owner,
    password::Password,
    unscoped,
};
use crate::{
    clock::Timestamp,
    error::{Fault, Result, UserErrorCode},
    id::SessionId,
};

/// How long a session lives.
const SESSION_LIFE: Duration = Duration::from_hours(12);

/// How often a sign-in is tried whose password was right when it was compared, and whose hash had
/// been replaced when the session was to be opened: by another password, or anew by another sign-in.
const TRIES: u32 = 2;

/// How much of a `User-Agent` header is kept, in code points.
const USER_AGENT_KEPT: usize = 500;

/// Opens a session for whoever has the address and the password.
pub(super) async fn sign_in(
    provider: &IdentityProvider,
    device: &Device,
    email: Option<EmailAddress>,
    password: Password,
    device_label: Option<Name>,
) -> std::result::Result<Opened, Refusal> {
    for _ in 0..TRIES {
        // What is no address belongs to nobody, and is answered just like that, after the same work.
        let user = match &email {
            Some(email) => unscoped::user_by_email(&provider.database, email).await?,
            None => None,
        };
        let Some(unlocked) = provider.hasher.unlock(user, password.clone()).await? else {
            break;
        };
        if let Some(opened) =
            open_session(provider, device, &unlocked, device_label.as_ref()).await?
        {
            return Ok(opened);
        }
    }
    let fault = Fault::new(
        UserErrorCode::InvalidCredentials,
        "The address and the password do not match.",
    );
    Err(fault.nowhere().into())
}

async fn open_session(
    provider: &IdentityProvider,
    device: &Device,
    unlocked: &Unlocked,
    label: Option<&Name>,
) -> Result<Option<Opened>> {
    let now = provider.clock.now();
    let session = sessions::ActiveModel {
        user_id: Set(Owner::new(unlocked.user().id)),
        ..new_session(provider, device, label.cloned(), now)
    };
    let session = unscoped::open_session(&provider.database, unlocked, session).await?;
    session
        .map(|session| provider.opened(session, now))
        .transpose()
}

pub(super) fn new_session(
    provider: &IdentityProvider,
    device: &Device,
    label: Option<Name>,
    now: Timestamp,
) -> sessions::ActiveModel {
    let ends = now.plus(SESSION_LIFE);
    sessions::ActiveModel {
        id: Set(SessionId::new(&provider.ids, now)),
        generation: Set(1),
        rotated_at: Set(now),
        confirmed_generation: Set(1),
        delivery: Set("bearer".to_owned()),
        label: Set(label.map(Name::into_string)),
        user_agent: Set(device
            .user_agent
            .as_ref()
            .map(|agent| agent.chars().take(USER_AGENT_KEPT).collect())),
        ip_address: Set(device.ip_address.map(|address| address.to_string())),
        created_at: Set(now),
        last_active_at: Set(now),
        idle_expires_at: Set(ends),
        expires_at: Set(ends),
        ..Default::default()
    }
}

/// Ends the session that the request names, or all of its owner's, and answers how many ended.
/// What names no session ends none, and that is fine too.
pub(super) async fn sign_out(
    provider: &IdentityProvider,
    caller: &Caller,
    everywhere: bool,
) -> Result<u64> {
    match &caller.credentials {
        Credentials::Viewer(viewer) => {
            let which = if everywhere {
                Condition::all()
            } else {
                Condition::all().add(sessions::Column::Id.eq(viewer.session_id()))
            };
            let ended = viewer.delete::<sessions::Entity>(which).await?;
            Ok(ended.len() as u64)
        }
        Credentials::Refused {
            session: Some(session),
            ..
        } => unscoped::end_session(&provider.database, *session).await,
        Credentials::Refused { session: None, .. } | Credentials::None => Ok(0),
    }
}

/// The viewer's session with this id.
pub(super) async fn one(viewer: &Viewer, id: SessionId) -> Result<Option<sessions::Model>> {
    let session = viewer
        .one(sessions::Entity::find().filter(sessions::Column::Id.eq(id)))
        .await?;
    Ok(session.filter(|session| session.lives_at(viewer.now())))
}
