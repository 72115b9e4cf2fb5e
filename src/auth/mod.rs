//! Accounts: people, their passwords and sessions, and the viewer that a session opens.

mod email_address;
pub(crate) mod graphql;
mod guard;
mod hasher;
pub(crate) mod mutations;
mod name;
mod password;
mod secret;
mod sessions;
mod task_logs;
mod time_zone;
mod tokens;
mod unscoped;
mod users;
mod viewer;

use std::{sync::Arc, time::Duration};

use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter};

use email_address::EmailAddress;
pub(crate) use guard::{Caller, Credentials, Device, viewer, viewer_or_nobody};
use hasher::{Hasher, Unlocked};
use name::Name;
use password::Password;
pub use secret::{Secret, SecretError};
use time_zone::TimeZone;
pub use tokens::Tokens;
pub(crate) use viewer::{Owned, Owner, Viewer};

use crate::{
    clock::{Clock, Timestamp},
    config::PasswordPolicy,
    db::Database,
    error::{Error, Fault, Reason, Result, UserError, UserErrorCode},
    id::{Ids, SessionId, UserId},
};

/// How long a session lives.
const SESSION_LIFE: Duration = Duration::from_hours(12);

/// How much of a `User-Agent` header is kept, in code points.
const USER_AGENT_KEPT: usize = 500;

/// Who people are and whether they are who they say: accounts, passwords, tokens, sessions.
pub struct IdentityProvider {
    database: Database,
    clock: Clock,
    ids: Arc<Ids>,
    tokens: Tokens,
    hasher: Hasher,
    password_policy: PasswordPolicy,
}

/// A session that was just opened, with the token that names it.
pub(crate) struct Opened {
    viewer: Viewer,
    session: sessions::Model,
    access_token: String,
    expires_at: Timestamp,
}

/// Why a verb did not do what was asked.
pub(crate) enum Refusal {
    /// The person can put it right.
    Wrong(Vec<UserError>),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::Wrong(vec![error])
    }
}

/// What signing up takes.
struct NewUser {
    email: EmailAddress,
    password: Password,
    name: Option<Name>,
    time_zone: TimeZone,
    device_label: Option<Name>,
}

impl IdentityProvider {
    pub fn new(
        database: Database,
        clock: Clock,
        tokens: Tokens,
        password_policy: PasswordPolicy,
    ) -> Self {
        Self {
            database,
            clock,
            ids: Arc::default(),
            tokens,
            hasher: Hasher::start(),
            password_policy,
        }
    }

    /// The public keys of access tokens, as a JWK set.
    pub fn jwks(&self) -> &serde_json::Value {
        self.tokens.jwks()
    }

    pub(crate) fn password_policy(&self) -> PasswordPolicy {
        self.password_policy
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn viewer(&self, session: &sessions::Model, now: Timestamp) -> Viewer {
        Viewer::new(session, now, Arc::clone(&self.ids), self.database.clone())
    }

    fn opened(&self, session: sessions::Model, now: Timestamp) -> Result<Opened> {
        let viewer = self.viewer(&session, now);
        let jti = self.ids.next(now);
        let (access_token, expires_at) = self.tokens.sign(&session, viewer.user_id(), jti, now)?;
        Ok(Opened {
            viewer,
            session,
            access_token,
            expires_at,
        })
    }
}

/// Makes an account and signs in to it.
async fn sign_up(
    provider: &IdentityProvider,
    device: &Device,
    new: NewUser,
) -> std::result::Result<Opened, Refusal> {
    let now = provider.clock.now();
    let password_hash = provider.hasher.hash(new.password).await?;
    let user_id = UserId::new(&provider.ids, now);
    let user = users::ActiveModel {
        id: Set(user_id),
        email: Set(new.email.as_str().to_owned()),
        email_key: Set(new.email.key().to_owned()),
        name: Set(new.name.map(Name::into_string)),
        time_zone: Set(new.time_zone.into_string()),
        password_hash: Set(password_hash),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let session = sessions::ActiveModel {
        user_id: Set(Owner::of_new_session(user_id)),
        ..new_session(provider, device, new.device_label, now)
    };
    match unscoped::create_user(&provider.database, user, session).await? {
        Some(session) => Ok(provider.opened(session, now)?),
        None => Err(Fault::new(
            UserErrorCode::EmailTaken,
            "There is an account with this address already. Sign in instead.",
        )
        .at("email")
        .into()),
    }
}

/// Opens a session for whoever has the address and the password.
async fn sign_in(
    provider: &IdentityProvider,
    device: &Device,
    email: Option<EmailAddress>,
    password: Password,
    device_label: Option<Name>,
) -> std::result::Result<Opened, Refusal> {
    // What is no address belongs to nobody, and is answered just like that, after the same work.
    let user = match email {
        Some(email) => unscoped::user_by_email(&provider.database, &email).await?,
        None => None,
    };
    let unlocked = provider.hasher.unlock(user, password).await?;
    let opened = match unlocked {
        Some(unlocked) => open_session(provider, device, &unlocked, device_label).await?,
        None => None,
    };
    opened.ok_or_else(|| {
        Fault::new(
            UserErrorCode::InvalidCredentials,
            "The address and the password do not match.",
        )
        .nowhere()
        .into()
    })
}

async fn open_session(
    provider: &IdentityProvider,
    device: &Device,
    unlocked: &Unlocked,
    label: Option<Name>,
) -> Result<Option<Opened>> {
    let now = provider.clock.now();
    let session = sessions::ActiveModel {
        user_id: Set(Owner::of_new_session(unlocked.user().id)),
        ..new_session(provider, device, label, now)
    };
    let session = unscoped::open_session(&provider.database, unlocked, session).await?;
    session
        .map(|session| provider.opened(session, now))
        .transpose()
}

fn new_session(
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
async fn sign_out(provider: &IdentityProvider, caller: &Caller, everywhere: bool) -> Result<u64> {
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

/// What a person may change of themselves: nothing is unchanged, an inner nothing clears.
struct ProfileChanges {
    name: Option<Option<Name>>,
    time_zone: Option<TimeZone>,
}

async fn update_profile(viewer: &Viewer, changes: ProfileChanges) -> Result<()> {
    viewer
        .atomically(async |viewer| {
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
            let row = users::ActiveModel {
                name: Set(name),
                time_zone: Set(time_zone),
                updated_at: Set(viewer.now()),
                ..Default::default()
            };
            viewer.update(row, Condition::all()).await?;
            Ok(())
        })
        .await
}

/// Sets another password and ends the other sessions, if that is wanted. Answers how many ended.
async fn change_password(
    provider: &IdentityProvider,
    viewer: &Viewer,
    current: Password,
    new: Password,
    revoke_other_sessions: bool,
) -> std::result::Result<u64, Refusal> {
    let unlocked = unlock(provider, viewer, current, "currentPassword").await?;
    let password_hash = provider.hasher.hash(new).await?;
    viewer
        .atomically(async |viewer| {
            let row = users::ActiveModel {
                password_hash: Set(password_hash),
                updated_at: Set(viewer.now()),
                ..Default::default()
            };
            let unchanged = users::Column::PasswordHash.eq(&unlocked.user().password_hash);
            if viewer.update(row, unchanged).await?.is_empty() {
                return Err(wrong_password("currentPassword"));
            }
            if !revoke_other_sessions {
                return Ok(0);
            }
            let others = sessions::Column::Id.ne(viewer.session_id());
            let ended = viewer.delete::<sessions::Entity>(others).await?;
            Ok(ended.len() as u64)
        })
        .await
}

/// Removes the account and, by foreign key, everything of the person's.
async fn delete_account(
    provider: &IdentityProvider,
    viewer: &Viewer,
    password: Password,
    confirm_email: &str,
) -> std::result::Result<UserId, Refusal> {
    let user = me(viewer).await?;
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
    let unlocked = unlock(provider, viewer, password, "password").await?;
    let unchanged = users::Column::PasswordHash.eq(&unlocked.user().password_hash);
    if viewer.delete::<users::Entity>(unchanged).await?.is_empty() {
        return Err(wrong_password("password"));
    }
    Ok(viewer.user_id())
}

async fn unlock(
    provider: &IdentityProvider,
    viewer: &Viewer,
    password: Password,
    field: &str,
) -> std::result::Result<Unlocked, Refusal> {
    let user = me(viewer).await?;
    provider
        .hasher
        .unlock(Some(user), password)
        .await?
        .ok_or_else(|| wrong_password(field))
}

fn wrong_password(field: &str) -> Refusal {
    Fault::new(
        UserErrorCode::InvalidCredentials,
        "This is not the current password.",
    )
    .at(field)
    .into()
}

/// The viewer's own row. It is gone when the account was deleted a moment ago.
async fn me(viewer: &Viewer) -> Result<users::Model> {
    viewer
        .one(users::Entity::find())
        .await?
        .ok_or(Error::Unauthenticated(Reason::SessionEnded))
}

/// The viewer's session with this id.
async fn session(viewer: &Viewer, id: SessionId) -> Result<Option<sessions::Model>> {
    let session = viewer
        .one(sessions::Entity::find().filter(sessions::Column::Id.eq(id)))
        .await?;
    Ok(session.filter(|session| session.lives_at(viewer.now())))
}
