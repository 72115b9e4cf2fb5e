//! The verbs of an account: making it, changing it, ending it.

use std::sync::Arc;

use super::{
    IdentityProvider, Opened, Refusal,
    authenticate::Caller,
    device::Device,
    email_address::EmailAddress,
    entity::{identities, security_events::Kind, sessions, users},
    events,
    name::Name,
    password::{Password, hasher::Unlocked},
    rate_limit,
    registration::{Newcomer, Rows},
    sessions::{Opening, end, leave, network_of, new_session, new_session::new_row},
    time_zone::TimeZone,
    unscoped,
};
use crate::{
    error::{Error, Fault, Reason, Result, UserErrorCode},
    id::UserId,
    scope::{Filter, Query, Set, Viewer},
};

/// What signing up takes.
pub(super) struct NewUser {
    pub(super) email: EmailAddress,
    pub(super) password: Password,
    pub(super) name: Option<Name>,
    pub(super) time_zone: TimeZone,
    pub(super) opening: Opening,
}

/// Permission to sign up.
pub(super) struct SignUpAllowed(());

/// Permits signing up, unless the service is closed to it.
pub(super) fn allow_sign_up(
    provider: &IdentityProvider,
) -> std::result::Result<SignUpAllowed, Refusal> {
    if provider.is_sign_up_open() {
        return Ok(SignUpAllowed(()));
    }
    let fault = Fault::new(
        UserErrorCode::SignUpDisabled,
        "Accounts are made by the operator of this service. Ask them for one, or sign in.",
    );
    Err(fault.nowhere().into())
}

/// Makes an account and signs in to it.
pub(super) async fn sign_up(
    provider: &Arc<IdentityProvider>,
    caller: &Caller,
    SignUpAllowed(()): SignUpAllowed,
    new: NewUser,
) -> std::result::Result<Opened, Refusal> {
    let now = provider.clock.now();
    rate_limit::sign_up(provider, &caller.device).await?;
    let password_hash = provider.hasher.hash(new.password).await?;
    let newcomer = Newcomer {
        email: new.email,
        name: new.name,
        time_zone: new.time_zone,
        password_hash,
    };
    let Rows {
        owner,
        user,
        arrived,
    } = newcomer.into_rows(&provider.ids, &caller.device, now);
    let session = new_session(provider, owner, &caller.device, new.opening, now);
    let issued = provider.issue(&session, now)?;
    let network = network_of(&caller.device, owner, now);
    let row = new_row(session);
    match unscoped::create_user(&provider.database, user, row, arrived, network).await? {
        Some(session) => {
            leave(provider, caller).await;
            Ok(provider.opened(session, issued, now, &caller.cookies))
        }
        None => Err(Fault::new(
            UserErrorCode::EmailTaken,
            "There is an account with this address already. Sign in instead.",
        )
        .at("email")
        .into()),
    }
}

/// What a person may change of themselves: nothing is unchanged, an inner nothing clears.
pub(super) struct ProfileChanges {
    pub(super) name: Option<Option<Name>>,
    pub(super) time_zone: Option<TimeZone>,
}

/// Changes the profile. If that moves the person's days, `follow` begins to move what goes by them, in the same
/// transaction; the rest follows in the background.
pub(super) async fn update_profile(
    viewer: &Viewer,
    changes: ProfileChanges,
    follow: impl AsyncFnOnce(&Viewer) -> Result<()>,
) -> Result<()> {
    viewer
        .atomically(async |viewer| {
            if changes.time_zone.is_some() {
                // Whoever stores what goes by the person's days holds the log, and then reads the zone.
                viewer.lock_log().await?;
            }
            let user = me(viewer).await?;
            let name = changes
                .name
                .map_or(user.name.clone(), |name| name.map(Name::into_string));
            let time_zone = changes
                .time_zone
                .map_or(user.time_zone.clone(), TimeZone::into_string);
            if name == user.name && time_zone == user.time_zone {
                return Ok(());
            }
            let has_moved = time_zone != user.time_zone;
            let row = users::ActiveModel {
                name: Set(name),
                time_zone: Set(time_zone),
                updated_at: Set(viewer.now()),
                ..Default::default()
            };
            viewer.update(row, Filter::always()).await?;
            if has_moved {
                follow(viewer).await?;
            }
            Ok(())
        })
        .await
        .inspect(|()| viewer.finish_move())
}

/// Sets another password of the viewer's, whose row is given, and ends the other sessions, if that is
/// wanted. Answers how many ended.
pub(super) async fn change_password(
    provider: &IdentityProvider,
    viewer: &Viewer,
    device: &Device,
    user: users::Model,
    current: Password,
    new: Password,
    revoke_other_sessions: bool,
) -> std::result::Result<u64, Refusal> {
    has_password(viewer, &user, "currentPassword").await?;
    let unlocked = unlock(provider, device, user, current, "currentPassword").await?;
    let password_hash = provider.hasher.hash(new).await?;
    viewer
        .atomically(async |viewer| {
            let row = users::ActiveModel {
                password_hash: Set(password_hash),
                updated_at: Set(viewer.now()),
                ..Default::default()
            };
            let unchanged = Filter::eq(
                users::Column::PasswordHash,
                unlocked.user().password_hash.as_str(),
            );
            if viewer.update(row, unchanged).await?.is_empty() {
                return Err(wrong_password("currentPassword"));
            }
            let event = events::new(viewer.ids(), device, Kind::PasswordChanged, viewer.now());
            viewer.insert(event).await?;
            if !revoke_other_sessions {
                return Ok(0);
            }
            let others = Filter::ne(sessions::Column::Id, viewer.session_id());
            Ok(end(viewer, others).await?.len() as u64)
        })
        .await
}

/// Removes the account and, by foreign key, everything of the person's.
pub(super) async fn delete_account(
    provider: &IdentityProvider,
    viewer: &Viewer,
    device: &Device,
    password: Password,
    confirm_email: &str,
) -> std::result::Result<UserId, Refusal> {
    let user = me(viewer).await?;
    has_password(viewer, &user, "password").await?;
    let confirmed =
        EmailAddress::parse(confirm_email).is_ok_and(|email| email.key() == user.email_key);
    if !confirmed {
        return Err(Fault::new(
            UserErrorCode::Invalid,
            "This is not the address of the account. Type it again.",
        )
        .at("confirmEmail")
        .into());
    }
    let unlocked = unlock(provider, device, user, password, "password").await?;
    let unchanged = Filter::eq(
        users::Column::PasswordHash,
        unlocked.user().password_hash.as_str(),
    );
    viewer
        .atomically(async |viewer| {
            // Whoever changes a task locks the log and then, by the foreign key, the person. Here in
            // the same order, or the two would wait for each other.
            viewer.lock_log().await?;
            if viewer.delete::<users::Entity>(unchanged).await?.is_empty() {
                return Err(wrong_password("password"));
            }
            Ok(viewer.user_id())
        })
        .await
}

async fn unlock(
    provider: &IdentityProvider,
    device: &Device,
    user: users::Model,
    password: Password,
    field: &str,
) -> std::result::Result<Unlocked, Refusal> {
    let owner = user.id;
    let attempt =
        rate_limit::guess(provider, device, &user.email_key, Some(owner.user_id())).await?;
    let unlocked = attempt.unlock(provider, Some(user), password).await?;
    unlocked.ok_or_else(|| {
        events::record_later(provider, device, owner, Kind::SignInFailed);
        wrong_password(field)
    })
}

/// Says where the password is that the account has not.
async fn has_password(
    viewer: &Viewer,
    user: &users::Model,
    field: &str,
) -> std::result::Result<(), Refusal> {
    if !user.password_hash.is_empty() {
        return Ok(());
    }
    let identity = viewer.find_one::<identities::Entity>(Query::all()).await?;
    let issuer = identity.map_or_else(String::new, |identity| format!(", {}", identity.issuer));
    let message = format!(
        "Another identity provider signs you in{issuer}, and there is no password here. Do it there, or ask \
         whoever runs this service."
    );
    let fault = Fault::new(UserErrorCode::NoPassword, message);
    Err(fault.at(field).into())
}

fn wrong_password(field: &str) -> Refusal {
    Fault::new(
        UserErrorCode::InvalidCredentials,
        "This is not the current password.",
    )
    .at(field)
    .into()
}

/// Where the viewer's days begin and end.
pub(crate) async fn home(viewer: &Viewer) -> Result<TimeZone> {
    TimeZone::stored(&me(viewer).await?.time_zone)
}

/// The viewer's own row. It is gone when the account was deleted a moment ago.
pub(super) async fn me(viewer: &Viewer) -> Result<users::Model> {
    viewer
        .find_one::<users::Entity>(Query::all())
        .await?
        .ok_or(Error::Unauthenticated(Reason::SessionEnded))
}
