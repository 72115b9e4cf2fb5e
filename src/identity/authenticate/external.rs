//! Sessions of external users, opened by the tokens of their external providers.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::refused;
use crate::{
    clock::Timestamp,
    db::Database,
    error::Result,
    id::{EmailId, IdGenerator, SessionId, SessionKey},
    identity::{
        entity::{
            emails, external_subjects, identities,
            security_events::{self, Kind},
            sessions, users,
        },
        federation::{ExternalIdentity, ExternalToken},
        lifetimes,
        request::{Authentication, device::Device},
        security_events::events,
        sessions::{Sessions, active::ANY_GENERATION},
        unscoped::{self, NewExternalUser},
        users::{email_address::EmailAddress, name::Name, time_zone::TimeZone},
    },
    scope::{Owner, Set},
};

/// The maximum number of users whose session is cached.
const MAX_CACHED_USERS: usize = 20_000;

/// Finds the sessions of external users, and opens new ones.
pub(super) struct ExternalSessions {
    database: Database,
    ids: Arc<IdGenerator>,
    sessions: Arc<Sessions>,
    /// The last session of each user, by issuer and subject.
    cache: Cache<(String, String), SessionKey>,
}

impl ExternalSessions {
    pub(super) fn new(database: Database, ids: Arc<IdGenerator>, sessions: Arc<Sessions>) -> Self {
        Self {
            database,
            ids,
            sessions,
            cache: Cache::new(MAX_CACHED_USERS),
        }
    }

    /// Authenticates by a token that has been verified.
    ///
    /// # Errors
    /// If the database is unavailable.
    pub(super) async fn authenticate(
        &self,
        token: ExternalToken<'_>,
        now: Timestamp,
    ) -> Result<Authentication> {
        let external = match token {
            ExternalToken::Valid(external) => external,
            ExternalToken::Invalid(reason) => return Ok(refused(reason, None)),
            ExternalToken::Unverified { issuer } => {
                return Ok(Authentication::Unverified { issuer });
            }
        };
        let key = (external.issuer().to_owned(), external.subject().to_owned());
        let session = match self.cached(&key, &external, now).await? {
            Some(session) => session,
            None => {
                let new = self.new_user(&external, now);
                let session =
                    unscoped::authenticate_external(&self.database, &external, new, now).await?;
                let Some(session) = session else {
                    return Ok(refused(external.refuse(), None));
                };
                self.cache.insert(key, session.key());
                Arc::new(session)
            }
        };
        if external.issued_at() > now {
            unscoped::record_future_iat(&self.database, &external, session.user_id).await?;
        }
        let viewer = self
            .sessions
            .use_session(&session, ANY_GENERATION, now)
            .await;
        Ok(Authentication::Viewer(
            viewer.expiring_at(external.expires_at()),
        ))
    }

    /// Returns the user's cached session, if it is active and accepts this token.
    async fn cached(
        &self,
        key: &(String, String),
        external: &ExternalIdentity<'_>,
        now: Timestamp,
    ) -> Result<Option<Arc<sessions::Model>>> {
        let Some(session) = self.cache.get(key) else {
            return Ok(None);
        };
        let session = self
            .sessions
            .find_active(session, ANY_GENERATION, now)
            .await?;
        Ok(session.filter(|session| external.is_accepted_by(session)))
    }

    fn new_user(&self, external: &ExternalIdentity<'_>, now: Timestamp) -> NewExternalUser {
        let session_id = SessionId::new(&self.ids, now);
        let owner = Owner::new_user(&self.ids, now);
        // An invalid address or name is omitted.
        let email = external
            .email()
            .and_then(|email| EmailAddress::parse(email).ok());
        let name = external.name().and_then(|name| Name::parse(name).ok());
        let event = |kind| security_events::ActiveModel {
            user_id: Set(owner),
            ..events::new(&self.ids, &Device::default(), kind, now)
        };
        NewExternalUser {
            user: users::ActiveModel {
                id: Set(owner),
                name: Set(name.map(Name::into_string)),
                time_zone: Set(TimeZone::utc().into_string()),
                created_at: Set(now),
                updated_at: Set(now),
                disabled_at: Set(None),
            },
            email: email.map(|email| emails::ActiveModel {
                user_id: Set(owner),
                id: Set(EmailId::new(&self.ids, now)),
                address: Set(email.as_str().to_owned()),
                // An external user cannot be looked up by email address.
                normalized: Set(None),
                verified_at: Set(None),
                is_primary: Set(true),
                created_at: Set(now),
            }),
            subject: external_subjects::ActiveModel {
                issuer: Set(external.issuer().to_owned()),
                subject: Set(external.subject().to_owned()),
                user_id: Set(Some(owner)),
                refused_until: Set(None),
            },
            identity: identities::ActiveModel {
                user_id: Set(owner),
                issuer: Set(external.issuer().to_owned()),
                subject: Set(external.subject().to_owned()),
                session_id: Set(session_id),
                created_at: Set(now),
                latest_future_iat: Set(None),
            },
            session: sessions::Model {
                rotated_at: Timestamp::from_millis(-1),
                kind: sessions::Kind::External,
                ..sessions::Model::new(session_id, owner, now, lifetimes::NO_EXPIRY)
            }
            .into_insert(),
            signed_up_event: event(Kind::SignedUp),
            signed_in_event: event(Kind::SignedIn),
        }
    }
}
