//! Administration of users from the command line. Each change runs as the user's viewer: it reaches
//! only that user's rows, and ends sessions like one of the user's own mutations.

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
        access_tokens,
        credentials::{
            self, mail_token,
            password::{HashCost, Password, Passwords, PersonalInfo},
        },
        entity::{self, external_subjects, identities, security_events::Kind, users},
        request::device::Device,
        security_events::events,
        sessions::end::end,
        unscoped,
        users::{
            email_address::EmailAddress, name::Name, profile, registration::NewUser,
            time_zone::TimeZone,
        },
    },
    scope::{ChangeNotifier, Filter, Grant, Query, Set, Viewer},
};

/// The number of users that one statement reads.
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
            Error::Unauthenticated(_) => "the account was deleted while the command ran".to_owned(),
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

    /// Passes all users to `on_user`, oldest first.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn list(&self, mut on_user: impl FnMut(UserSummary)) -> AdminResult<()> {
        let mut after = None;
        loop {
            let some = unscoped::users_after(&self.database, after, USERS_PER_PAGE).await?;
            let Some(last) = some.last() else {
                return Ok(());
            };
            after = Some(last.id.user_id());
            for person in self.summarize(some).await? {
                on_user(person);
            }
        }
    }

    /// Returns the user with this email address or id.
    ///
    /// # Errors
    /// Fails if no user has it.
    pub async fn show(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        self.summarize_one(user).await
    }

    /// Creates an account.
    ///
    /// # Errors
    /// Fails if a value is invalid, or if the address has an account.
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
                    "{name} is not an IANA time zone: write a name such as Europe/Vienna"
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
        let owner = rows.owner;
        if !unscoped::insert_users(&self.database, vec![rows]).await? {
            return Err(AdminError(format!(
                "a user with the address {address} already exists"
            )));
        }
        self.show(&owner.user_id().to_string()).await
    }

    /// Sets the password, and ends all sessions.
    ///
    /// # Errors
    /// Fails if the password policy rejects the password, or if the user signs in through an
    /// external provider.
    pub async fn set_password(&self, who: &str, password: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        let viewer = self.viewer_of(&user);
        if credentials::password_of(&viewer).await?.is_none() {
            return Err(AdminError(
                "the user signs in through an external provider: change the password there"
                    .to_owned(),
            ));
        }
        let email = profile::primary_email(&viewer).await?;
        let person = PersonalInfo {
            email: email.as_ref().map(|email| email.address.as_str()),
            name: user.name.as_deref(),
        };
        let password = self.passwords.read_new(password, person)?;
        let password_hash = self.hash(password).await?;
        self.as_user(user, async |viewer| {
            record_event(viewer, Kind::PasswordChanged).await?;
            profile::touch(viewer).await?;
            let row = entity::credentials::ActiveModel {
                data: Set(password_hash.clone()),
                ..Default::default()
            };
            viewer.update(row, credentials::is_password()).await?;
            mail_token::revoke_all(viewer).await?;
            end(viewer, Filter::always()).await.map(drop)
        })
        .await
    }

    /// Ends all sessions; personal access tokens stay valid.
    ///
    /// # Errors
    /// Fails if no user has the address or id.
    pub async fn sign_out(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        self.as_user(user, async |viewer| {
            record_event(viewer, Kind::SessionRevoked).await?;
            end(viewer, Filter::always()).await.map(drop)
        })
        .await
    }

    /// Blocks sign-ins of the user, ends all sessions and revokes all personal access tokens.
    ///
    /// # Errors
    /// Fails if no user has the address or id.
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
            mail_token::revoke_all(viewer).await?;
            end(viewer, Filter::always()).await?;
            access_tokens::revoke_all(viewer).await
        })
        .await
    }

    /// Allows sign-ins of a disabled user.
    ///
    /// # Errors
    /// Fails if no user has the address or id.
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

    /// Deletes the account and all its rows, and returns the deleted user.
    ///
    /// # Errors
    /// Fails if no user has the address or id.
    pub async fn delete(&self, who: &str) -> AdminResult<UserSummary> {
        let user = self.find(who).await?;
        let person = self.summarize_one(user.clone()).await?;
        self.viewer_of(&user)
            .transaction(|viewer| async move {
                let viewer = &viewer;
                viewer.lock_user().await?;
                // Tokens of the external provider issued so far are rejected, even if they have not
                // expired.
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

    /// Returns the viewer of the user with this address or id, for commands on the user's tasks.
    pub(crate) async fn viewer(&self, who: &str) -> AdminResult<Viewer> {
        Ok(self.viewer_of(&self.find(who).await?))
    }

    async fn hash(&self, password: Password) -> AdminResult<String> {
        match self.passwords.hash(password).await {
            Err(Error::Unavailable) => Err(AdminError::new(
                "this machine is too busy to hash the password in time: nothing was changed. Try again later",
            )),
            hashed => Ok(hashed?),
        }
    }

    async fn find(&self, who: &str) -> AdminResult<users::Model> {
        let found = match (who.parse::<UserId>(), EmailAddress::parse(who)) {
            (Ok(id), _) => unscoped::any_user_by_id(&self.database, id).await?,
            (_, Ok(email)) => unscoped::any_user_by_email(&self.database, &email).await?,
            _ => None,
        };
        found.ok_or_else(|| AdminError(format!("no user has the address or id {who}")))
    }

    /// Runs `work` as the user in one transaction, and returns the user after it.
    async fn as_user(
        &self,
        user: users::Model,
        work: impl AsyncFn(&Viewer) -> Result<()>,
    ) -> AdminResult<UserSummary> {
        let work = &work;
        self.viewer_of(&user)
            .transaction(|viewer| async move {
                let viewer = &viewer;
                // The lock orders this change and the creation of an access token: the token is
                // created before the change, or not at all.
                viewer.lock_user().await?;
                work(viewer).await
            })
            .await?;
        self.show(&user.id.user_id().to_string()).await
    }

    /// Returns the user's viewer, with the id of a session that is not stored.
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

/// Changes the user's row, and records a security event. The event comes first: like the deletion
/// of the account, its insertion locks the user.
async fn change(viewer: &Viewer, kind: Kind, row: users::ActiveModel) -> Result<()> {
    record_event(viewer, kind).await?;
    viewer.update(row, Filter::always()).await.map(drop)
}

async fn record_event(viewer: &Viewer, kind: Kind) -> Result<()> {
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
                "was deleted while",
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
