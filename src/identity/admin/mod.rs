//! The administration of users from the command line. Each change is made as the user's viewer, so that it reaches
//! only that user's rows and ends sessions like a mutation of theirs.

pub(super) mod import;
pub(super) mod user_seeder;
mod user_summary;

use std::sync::Arc;

pub use user_summary::UserSummary;

use crate::{
    clock::Clock,
    config::{AccountLimits, PasswordPolicy},
    db::Database,
    error::{Error, FieldError, Result},
    id::{IdGenerator, SessionId, UserId},
    identity::{
        credentials::password::{HashCost, Password, Passwords, PersonalInfo},
        entity::{external_subjects, identities, security_events::Kind, sessions, users},
        request::device::Device,
        security_events::events,
        sessions::end::end,
        unscoped,
        users::{
            email_address::EmailAddress, name::Name, registration::NewUser, time_zone::TimeZone,
        },
    },
    scope::{ChangeNotifier, Filter, Grant, Query, Set, Viewer},
};

/// How many people are read at once.
const USERS_PER_PAGE: u64 = 500;

/// The administration of users, for the operator.
pub struct UserAdmin {
    database: Database,
    clock: Clock,
    ids: Arc<IdGenerator>,
    changes: Arc<ChangeNotifier>,
    passwords: Passwords,
    pub(crate) limits: AccountLimits,
}

/// The reason why a command failed. The message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AdminError(String);

impl AdminError {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<Error> for AdminError {
    fn from(error: Error) -> Self {
        Self(match error {
            Error::Unauthenticated(_) => "the account was removed meanwhile".to_owned(),
            Error::Unavailable => {
                "the database did not answer in time. Check that it runs, and try again".to_owned()
            }
            error => error.into_message(),
        })
    }
}

impl From<FieldError> for AdminError {
    fn from(fault: FieldError) -> Self {
        Self(fault.into_message())
    }
}

pub(super) type AdminResult<T> = std::result::Result<T, AdminError>;

impl UserAdmin {
    pub(crate) fn new(
        database: Database,
        clock: Clock,
        password_policy: PasswordPolicy,
        limits: AccountLimits,
        hash_cost: &HashCost,
    ) -> Self {
        Self {
            changes: ChangeNotifier::new(clock.clone()),
            database,
            clock,
            ids: Arc::default(),
            passwords: Passwords::new(password_policy, hash_cost),
            limits,
        }
    }

    /// Tells of everybody, in the order in which they came.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, mut on_user: impl FnMut(UserSummary)) -> AdminResult<()> {
        let mut after = None;
        loop {
            let some = unscoped::people_after(&self.database, after, USERS_PER_PAGE).await?;
            let Some(last) = some.last() else {
                return Ok(());
            };
            after = Some(last.id.user_id());
            for person in self.summarize(some).await? {
                on_user(person);
            }
        }
    }

    /// Who has this address or this id.
    ///
    /// # Errors
    /// When there is nobody.
    pub async fn show(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        self.summarize_one(user).await
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
    ) -> AdminResult<UserSummary> {
        let email = EmailAddress::parse(email)?;
        let name = name.map(Name::parse).transpose()?;
        let time_zone = match time_zone {
            None => TimeZone::utc(),
            Some(name) => TimeZone::named(name).ok_or_else(|| {
                AdminError(format!(
                    "{name} is no name of the IANA time zone database, such as Europe/Vienna"
                ))
            })?,
        };
        let person = PersonalInfo {
            email: Some(email.as_str()),
            name: name.as_ref().map(Name::as_str),
        };
        let password = self.passwords.read_new(password, person)?;
        let newcomer = NewUser {
            email,
            name,
            time_zone,
            password_hash: self.hash(password).await?,
        };
        let address = newcomer.email.as_str().to_owned();
        let rows = newcomer.into_rows(&self.ids, &Device::default(), self.clock.now());
        if !unscoped::store_person(&self.database, rows.user, rows.signed_up_event).await? {
            return Err(AdminError(format!(
                "somebody has the address {address} already"
            )));
        }
        self.show(&rows.owner.user_id().to_string()).await
    }

    /// Sets another password, and ends every session.
    ///
    /// # Errors
    /// When the policy refuses it, or the person's password is elsewhere.
    pub async fn set_password(&self, who: &str, password: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        if user.password_hash.is_none() {
            return Err(AdminError(
                "another identity provider signs them in: their password is there".to_owned(),
            ));
        }
        let person = PersonalInfo {
            email: user.email.as_deref(),
            name: user.name.as_deref(),
        };
        let password = self.passwords.read_new(password, person)?;
        let password_hash = self.hash(password).await?;
        self.as_user(user, async |viewer| {
            let row = users::ActiveModel {
                password_hash: Set(Some(password_hash.clone())),
                updated_at: Set(viewer.now()),
                ..Default::default()
            };
            change(viewer, Kind::PasswordChanged, row).await?;
            end(viewer, Filter::always()).await.map(drop)
        })
        .await
    }

    /// Ends every session, and leaves the access tokens.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn sign_out(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        self.as_user(user, async |viewer| {
            note(viewer, Kind::SessionRevoked).await?;
            end(viewer, Filter::always()).await.map(drop)
        })
        .await
    }

    /// Shuts somebody out: ends every session, revokes every access token, and lets nobody in as them.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn disable(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        if user.disabled_at.is_some() {
            return self.summarize_one(user).await;
        }
        self.as_user(user, async |viewer| {
            let row = users::ActiveModel {
                disabled_at: Set(Some(viewer.now())),
                ..Default::default()
            };
            change(viewer, Kind::AccountDisabled, row).await?;
            end(viewer, Filter::always()).await?;
            let tokens = Filter::eq(sessions::Column::Kind, sessions::Kind::AccessToken);
            viewer.delete::<sessions::Entity>(tokens).await.map(drop)
        })
        .await
    }

    /// Lets somebody in again who was shut out.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn enable(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        if user.disabled_at.is_none() {
            return self.summarize_one(user).await;
        }
        self.as_user(user, async |viewer| {
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
    pub async fn delete(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        let person = self.summarize_one(user.clone()).await?;
        self.viewer_of(&user)
            .transaction(|viewer| async move {
                let viewer = &viewer;
                viewer.lock_user().await?;
                // Tokens that were issued so far open nothing any more, however long they are valid.
                let known = viewer.find_one::<identities::Entity>(Query::all()).await?;
                let latest_iat = known.and_then(|identity| identity.latest_future_iat);
                let refused = external_subjects::ActiveModel {
                    refused_until: Set(latest_iat.max(Some(viewer.now()))),
                    ..Default::default()
                };
                viewer.update(refused, Filter::always()).await?;
                viewer.delete::<users::Entity>(Filter::always()).await
            })
            .await?;
        Ok(person)
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Whoever has this address or this id, for what is theirs beside their account.
    pub(crate) async fn viewer(&self, who: &str) -> AdminResult<Viewer> {
        Ok(self.viewer_of(&self.find(who).await?))
    }

    async fn hash(&self, password: Password) -> AdminResult<String> {
        match self.passwords.hash(password).await {
            Err(Error::Unavailable) => Err(AdminError::new(
                "the password was not hashed in time, since this machine is busy: nothing was changed. Try again",
            )),
            hashed => Ok(hashed?),
        }
    }

    async fn find(&self, who: &str) -> AdminResult<users::Model> {
        let found = match (who.parse::<UserId>(), EmailAddress::parse(who)) {
            (Ok(id), _) => unscoped::person_by_id(&self.database, id).await?,
            (_, Ok(email)) => unscoped::person_by_email(&self.database, &email).await?,
            _ => None,
        };
        found.ok_or_else(|| AdminError(format!("nobody has the address or the id {who}")))
    }

    /// Does something as the person, all of it or nothing, and gives them as they are then.
    async fn as_user(
        &self,
        user: users::Model,
        work: impl AsyncFn(&Viewer) -> Result<()>,
    ) -> AdminResult<UserSummary> {
        let work = &work;
        self.viewer_of(&user)
            .transaction(|viewer| async move {
                let viewer = &viewer;
                // Whoever changes the person holds it first, and a token that is being made is made before
                // or not at all.
                viewer.lock_user().await?;
                work(viewer).await
            })
            .await?;
        self.show(&user.id.user_id().to_string()).await
    }

    /// The person, with a session that is stored nowhere.
    fn viewer_of(&self, user: &users::Model) -> Viewer {
        let now = self.clock.now();
        Viewer::new(
            Grant::interactive(user.id, SessionId::new(&self.ids, now)),
            now,
            Arc::clone(&self.ids),
            Arc::clone(&self.changes),
            &self.database,
        )
    }
}

/// Changes the person's row, and says so in their events. The event first: it locks the person, as whoever
/// deletes the account does first.
async fn change(viewer: &Viewer, kind: Kind, row: users::ActiveModel) -> Result<()> {
    note(viewer, kind).await?;
    viewer.update(row, Filter::always()).await.map(drop)
}

async fn note(viewer: &Viewer, kind: Kind) -> Result<()> {
    let event = events::new(viewer.ids(), &Device::default(), kind, viewer.now());
    viewer.insert(event).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AuthFailure;

    #[test]
    fn each_error_has_its_own_message() {
        let read_only = std::io::Error::other("attempt to write a readonly database");
        for (error, says) in [
            (Error::Unavailable, "did not answer"),
            (Error::StorageFull, "disk of the database is full"),
            (
                Error::Unauthenticated(AuthFailure::SessionEnded),
                "was removed meanwhile",
            ),
            (Error::internal(read_only), "readonly database"),
            (Error::BadUserInput("Too long.".to_owned()), "Too long."),
            (Error::RateLimited(7), "7 seconds"),
            (Error::InvalidCursor, "cursor"),
        ] {
            let said = AdminError::from(error).to_string();
            assert!(said.contains(says), "{said}");
        }
    }
}
