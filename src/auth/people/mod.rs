//! What whoever runs the service does about people, from the command line: as the person, so that it
//! reaches that person's rows alone and is felt as their own mutations are.

pub(super) mod enrolment;
pub(super) mod import;

use std::{collections::HashMap, fmt, sync::Arc};

use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait};
use serde::Serialize;

use super::{
    Viewer,
    device::Device,
    email_address::EmailAddress,
    entity::{
        identities,
        security_events::{self, Kind},
        sessions, users,
    },
    events,
    name::Name,
    notices::{Notices, watch::Watches},
    owned::Owner,
    password::{self, Password, hasher::Hasher},
    sessions as verbs,
    sessions::{delivery::Delivery, lives},
    time_zone::TimeZone,
    unscoped,
};
use crate::{
    clock::{Clock, Timestamp},
    config::PasswordPolicy,
    db::Database,
    error::{Chain, Error, Fault, Result},
    id::{Ids, SessionId, UserId},
};

/// How many people are read at once.
const AT_ONCE: u64 = 500;

/// Everybody who has an account.
pub struct People {
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) ids: Arc<Ids>,
    notices: Arc<Notices>,
    hasher: Hasher,
    password_policy: PasswordPolicy,
}

/// A person, as their operator sees them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub id: String,
    /// Nothing where another identity provider says none.
    pub email: Option<String>,
    pub name: Option<String>,
    pub time_zone: String,
    pub created_at: String,
    pub updated_at: String,
    /// Since when nobody gets in as them.
    pub disabled_at: Option<String>,
    /// The identity provider that vouches for them, and who they are there.
    pub issuer: Option<String>,
    pub subject: Option<String>,
    /// How many of theirs live.
    pub sessions: usize,
    pub access_tokens: usize,
}

/// Why it was not done; the message says what to do.
#[derive(Debug)]
pub struct PeopleError(String);

impl PeopleError {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for PeopleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PeopleError {}

impl From<Error> for PeopleError {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::Internal(cause) => Chain(&*cause).to_string(),
            _ => "the database is away, or busy: nothing was done. Try again".to_owned(),
        })
    }
}

impl From<Fault> for PeopleError {
    fn from(fault: Fault) -> Self {
        Self(fault.into_message())
    }
}

type Told<T> = std::result::Result<T, PeopleError>;

impl People {
    pub(crate) fn new(database: Database, clock: Clock, password_policy: PasswordPolicy) -> Self {
        let watches = Watches::start(database.clone(), clock.clone());
        Self {
            database,
            clock,
            ids: Arc::default(),
            notices: Arc::new(Notices::new(watches)),
            hasher: Hasher::start(),
            password_policy,
        }
    }

    /// Tells of everybody, in the order in which they came.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, mut tell: impl FnMut(Person)) -> Told<()> {
        let mut after = None;
        loop {
            let some = unscoped::people_after(&self.database, after, AT_ONCE).await?;
            let Some(last) = some.last() else {
                return Ok(());
            };
            after = Some(last.id);
            for person in self.described(some).await? {
                tell(person);
            }
        }
    }

    /// Who has this address or this id.
    ///
    /// # Errors
    /// When there is nobody.
    pub async fn show(&self, who: &str) -> Told<Person> {
        let user = self.find(who).await?;
        self.describe(user).await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// When something is wrong with what it is made of, or somebody has the address.
    pub async fn create(
        &self,
        email: &str,
        name: Option<&str>,
        time_zone: Option<&str>,
        password: &str,
    ) -> Told<Person> {
        let email = EmailAddress::parse(email)?;
        let name = name.map(Name::parse).transpose()?;
        let time_zone = match time_zone {
            None => TimeZone::utc(),
            Some(name) => TimeZone::named(name).ok_or_else(|| {
                PeopleError(format!(
                    "{name} is no name of the IANA time zone database, such as Europe/Vienna"
                ))
            })?,
        };
        let person = password::Person {
            email: Some(email.as_str()),
            name: name.as_ref().map(Name::as_str),
        };
        let password = Password::choose(password, self.password_policy, person)?;
        let password_hash = self.hasher.hash(password).await?;
        let now = self.clock.now();
        let id = UserId::new(&self.ids, now);
        let user = users::ActiveModel {
            id: Set(id),
            email: Set(email.as_str().to_owned()),
            email_key: Set(email.key().to_owned()),
            name: Set(name.map(Name::into_string)),
            time_zone: Set(time_zone.into_string()),
            password_hash: Set(password_hash),
            created_at: Set(now),
            updated_at: Set(now),
            disabled_at: Set(None),
        };
        let event = security_events::ActiveModel {
            user_id: Set(Owner::new(id)),
            ..events::new(&self.ids, &Device::default(), Kind::SignedUp, now)
        };
        if !unscoped::store_person(&self.database, user, event).await? {
            return Err(PeopleError(format!(
                "somebody has the address {} already",
                email.as_str()
            )));
        }
        self.show(&id.to_string()).await
    }

    /// Sets another password, and ends every session.
    ///
    /// # Errors
    /// When the policy refuses it, or the person's password is elsewhere.
    pub async fn set_password(&self, who: &str, password: &str) -> Told<Person> {
        let user = self.find(who).await?;
        if user.password_hash.is_empty() {
            return Err(PeopleError(
                "another identity provider signs them in: their password is there".to_owned(),
            ));
        }
        let person = password::Person {
            email: Some(&user.email),
            name: user.name.as_deref(),
        };
        let password = Password::choose(password, self.password_policy, person)?;
        let password_hash = self.hasher.hash(password).await?;
        self.act(user, async |viewer| {
            let row = users::ActiveModel {
                password_hash: Set(password_hash),
                updated_at: Set(viewer.now()),
                ..Default::default()
            };
            change(viewer, Kind::PasswordChanged, row).await?;
            verbs::end(viewer, Condition::all()).await.map(drop)
        })
        .await
    }

    /// Ends every session, and leaves the access tokens.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn sign_out(&self, who: &str) -> Told<Person> {
        let user = self.find(who).await?;
        self.act(user, async |viewer| {
            note(viewer, Kind::SessionRevoked).await?;
            verbs::end(viewer, Condition::all()).await.map(drop)
        })
        .await
    }

    /// Shuts somebody out: ends every session, revokes every access token, and lets nobody in as them.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn disable(&self, who: &str) -> Told<Person> {
        let user = self.find(who).await?;
        if user.disabled_at.is_some() {
            return self.describe(user).await;
        }
        self.act(user, async |viewer| {
            let row = users::ActiveModel {
                disabled_at: Set(Some(viewer.now())),
                ..Default::default()
            };
            change(viewer, Kind::AccountDisabled, row).await?;
            verbs::end(viewer, Condition::all()).await?;
            let tokens = sessions::Column::Kind.eq(sessions::Kind::AccessToken);
            viewer.delete::<sessions::Entity>(tokens).await.map(drop)
        })
        .await
    }

    /// Lets somebody in again who was shut out.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn enable(&self, who: &str) -> Told<Person> {
        let user = self.find(who).await?;
        if user.disabled_at.is_none() {
            return self.describe(user).await;
        }
        self.act(user, async |viewer| {
            let row = users::ActiveModel {
                disabled_at: Set(None),
                ..Default::default()
            };
            change(viewer, Kind::AccountEnabled, row).await
        })
        .await
    }

    /// Removes somebody with all that is theirs, and gives them as they were.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn delete(&self, who: &str) -> Told<Person> {
        let user = self.find(who).await?;
        let person = self.describe(user.clone()).await?;
        self.viewer_of(&user)
            .atomically(async |viewer| {
                viewer.lock_log().await?;
                // What was said of them so far opens nothing any more, however long it is good for.
                let known = viewer.one(identities::Entity::find()).await?;
                let latest_at = known.and_then(|identity| identity.latest_at);
                let refused = identities::ActiveModel {
                    latest_at: Set(latest_at.max(Some(viewer.now()))),
                    ..Default::default()
                };
                viewer.update(refused, Condition::all()).await?;
                viewer.delete::<users::Entity>(Condition::all()).await
            })
            .await?;
        Ok(person)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Whoever has this address or this id, for what is theirs beside their account.
    pub(crate) async fn viewer(&self, who: &str) -> Told<Viewer> {
        Ok(self.viewer_of(&self.find(who).await?))
    }

    async fn find(&self, who: &str) -> Told<users::Model> {
        let found = match (who.parse::<UserId>(), EmailAddress::parse(who)) {
            (Ok(id), _) => unscoped::person_by_id(&self.database, id).await?,
            (_, Ok(email)) => unscoped::person_by_email(&self.database, &email).await?,
            _ => None,
        };
        found.ok_or_else(|| PeopleError(format!("nobody has the address or the id {who}")))
    }

    /// Does something as the person, all of it or nothing, and gives them as they are then.
    async fn act(
        &self,
        user: users::Model,
        work: impl AsyncFnOnce(&Viewer) -> Result<()>,
    ) -> Told<Person> {
        self.viewer_of(&user)
            .atomically(async |viewer| {
                // Whoever changes the person holds it first, and a token that is being made is made before
                // or not at all.
                viewer.lock_log().await?;
                work(viewer).await
            })
            .await?;
        self.show(&user.id.to_string()).await
    }

    /// The person, with a session that is stored nowhere.
    fn viewer_of(&self, user: &users::Model) -> Viewer {
        let now = self.clock.now();
        let session = sessions::Model {
            id: SessionId::new(&self.ids, now),
            user_id: Owner::new(user.id),
            generation: 1,
            rotated_at: now,
            confirmed_generation: 1,
            delivery: Delivery::Bearer,
            label: None,
            user_agent: None,
            ip_address: None,
            created_at: now,
            last_active_at: now,
            idle_expires_at: lives::NEVER,
            expires_at: lives::NEVER,
            ended_at: None,
            kind: sessions::Kind::SignIn,
            scope: sessions::Scope::Write,
            secret_digest: None,
        };
        Viewer::new(
            &session,
            now,
            Arc::clone(&self.ids),
            Arc::clone(&self.notices),
            self.database.clone(),
        )
    }

    async fn describe(&self, user: users::Model) -> Told<Person> {
        let id = user.id;
        let described = self.described(vec![user]).await?.pop();
        described.ok_or_else(|| PeopleError(format!("nobody has the address or the id {id}")))
    }

    async fn described(&self, people: Vec<users::Model>) -> Told<Vec<Person>> {
        let ids: Vec<UserId> = people.iter().map(|user| user.id).collect();
        let now = self.clock.now();
        let (mut sessions, mut tokens) = (HashMap::new(), HashMap::new());
        for session in unscoped::sessions_of(&self.database, &ids).await? {
            let counts = match session.kind {
                _ if !session.lives_at(now) => continue,
                sessions::Kind::AccessToken => &mut tokens,
                sessions::Kind::SignIn | sessions::Kind::Outside => &mut sessions,
            };
            *counts.entry(session.user_id.user_id()).or_insert(0) += 1;
        }
        let mut identities = HashMap::new();
        for identity in unscoped::identities_of(&self.database, &ids).await? {
            if let Some(owner) = identity.user_id {
                identities.insert(owner.user_id(), identity);
            }
        }
        let text = |moment: Timestamp| moment.to_string();
        Ok(people
            .into_iter()
            .map(|user| {
                let (issuer, subject) = identities
                    .remove(&user.id)
                    .map(|identity| (identity.issuer, identity.subject))
                    .unzip();
                Person {
                    id: user.id.to_string(),
                    email: Some(user.email).filter(|email| !email.is_empty()),
                    name: user.name,
                    time_zone: user.time_zone,
                    created_at: text(user.created_at),
                    updated_at: text(user.updated_at),
                    disabled_at: user.disabled_at.map(text),
                    issuer,
                    subject,
                    sessions: sessions.remove(&user.id).unwrap_or(0),
                    access_tokens: tokens.remove(&user.id).unwrap_or(0),
                }
            })
            .collect())
    }
}

/// Changes the person's row, and says so in their events. The event first: it locks the person, as whoever
/// deletes the account does first.
async fn change(viewer: &Viewer, kind: Kind, row: users::ActiveModel) -> Result<()> {
    note(viewer, kind).await?;
    viewer.update(row, Condition::all()).await.map(drop)
}

async fn note(viewer: &Viewer, kind: Kind) -> Result<()> {
    let event = events::new(viewer.ids(), &Device::default(), kind, viewer.now());
    viewer.insert(event).await.map(drop)
}
