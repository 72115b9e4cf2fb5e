//! People whom another identity provider vouches for: its tokens become viewers as our own do.
//!
//! Who they are is what the provider calls them, `iss` and `sub`, and nothing else: an address that
//! somebody elsewhere says is theirs opens nobody's account.

mod fetch;
mod issuer;
mod key_set;
mod rejection;

use std::{fmt, sync::Arc};

use quick_cache::sync::Cache;

use issuer::{Issuer, Said};
use key_set::KeysUnavailable;
use rejection::Rejection;

use super::{
    IdentityProvider,
    authenticate::{Credentials, refused},
    device::Device,
    email_address::EmailAddress,
    entity::{
        identities, security_events,
        sessions::{self, Kind},
        users,
    },
    events,
    name::Name,
    sessions::{lifetimes, new_session},
    time_zone::TimeZone,
    unscoped,
};
use crate::{
    clock::Timestamp,
    config::TrustedIssuers,
    error::Result,
    id::SessionId,
    scope::{Owner, Set},
};

/// How many people are remembered with the session that their tokens open.
const REMEMBERED: usize = 20_000;

/// The identity providers that are trusted.
pub(crate) struct Issuers {
    all: Vec<Issuer>,
    /// The issuer of Cubby's own tokens.
    own: String,
    /// By issuer and subject.
    sessions: Cache<(usize, String), SessionId>,
}

/// Why an identity provider cannot be trusted as it is set; the message says what to do.
#[derive(Debug)]
pub struct IssuerError(String);

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CUBBY_TRUSTED_ISSUERS: {}", self.0)
    }
}

impl std::error::Error for IssuerError {}

impl Issuers {
    /// # Errors
    /// When one of them cannot be asked for its keys as it is set, or has our own name.
    pub(crate) fn new(
        trusted: &TrustedIssuers,
        own: &str,
    ) -> std::result::Result<Self, IssuerError> {
        let mut all = Vec::new();
        for issuer in trusted.iter() {
            let name = &issuer.issuer;
            if name == own {
                return Err(IssuerError(format!(
                    "{name} is what this server's own tokens say: set CUBBY_ISSUER to another name"
                )));
            }
            let issuer =
                Issuer::new(issuer).map_err(|error| IssuerError(format!("of {name}: {error}")))?;
            all.push(issuer);
        }
        Ok(Self {
            all,
            own: own.to_owned(),
            sessions: Cache::new(REMEMBERED),
        })
    }

    /// The one that a token says it is of; nothing where none is trusted.
    fn named_by(&self, token: &str) -> Option<usize> {
        if self.all.is_empty() {
            return None;
        }
        let claimed = issuer::claimed_by(token)?;
        let number = self.all.iter().position(|issuer| issuer.name == claimed);
        if number.is_none() && claimed != self.own {
            Rejection::Issuer(claimed.clone()).log(&claimed);
        }
        number
    }
}

/// Proof that a provider that is trusted vouches for somebody.
pub(super) struct Outsider<'a> {
    pub(super) issuer: &'a str,
    said: &'a Said,
}

impl Outsider<'_> {
    pub(super) fn subject(&self) -> &str {
        &self.said.subject
    }

    /// When it was said; what was said in the same second is not later than anything in it.
    pub(super) fn said_at(&self) -> Timestamp {
        Timestamp::from_millis(self.said.issued_at.saturating_mul(1000))
    }

    /// Whether the session takes what was said: it may have been opened after another one was ended.
    fn is_of(&self, session: &sessions::Model) -> bool {
        session.rotated_at < self.said_at()
    }

    /// What to do with the last session that was opened for them; nothing is left of one that is long over.
    /// A provider's clock may go ahead of ours, and then the latest that was said counts as said before the end.
    pub(super) fn judge(
        &self,
        session: Option<sessions::Model>,
        latest_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Verdict {
        let ended_at = match &session {
            Some(session) => session.ended_at,
            // It was cleared away, and so had ended by then.
            None => Some(now.minus(lifetimes::CLEARED)),
        };
        let ended_at = ended_at.map(|end| latest_at.map_or(end, |latest| latest.max(end)));
        let before = session.as_ref().map(|session| session.rotated_at);
        let refused_until = ended_at.into_iter().chain(before).max();
        match session {
            _ if refused_until.is_some_and(|end| self.said_at() <= end) => Verdict::Refuse,
            Some(session) if session.lives_at(now) => Verdict::Resume(session),
            _ => Verdict::Open(refused_until.unwrap_or(now)),
        }
    }
}

/// What a token opens.
pub(super) enum Verdict {
    Resume(sessions::Model),
    /// A session that takes what was said after this moment.
    Open(Timestamp),
    /// It was said before its owner signed out.
    Refuse,
}

/// The rows of somebody new, or of their next session.
pub(super) struct Rows {
    pub(super) user: users::ActiveModel,
    pub(super) identity: identities::ActiveModel,
    pub(super) session: sessions::ActiveModel,
    pub(super) arrived: security_events::ActiveModel,
    pub(super) returned: security_events::ActiveModel,
}

impl IdentityProvider {
    /// Whoever a token of another identity provider is of; nothing when it names none that is trusted.
    ///
    /// # Errors
    /// When the database cannot be asked now.
    pub(super) async fn identify_outsider(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Credentials>> {
        let Some(number) = self.issuers.named_by(token) else {
            return Ok(None);
        };
        let issuer = &self.issuers.all[number];
        let said = match issuer.verify(token, now).await {
            Ok(Ok(said)) => said,
            Ok(Err(rejection)) => {
                rejection.log(&issuer.name);
                return Ok(Some(refused(rejection.reason(), None)));
            }
            Err(KeysUnavailable) => {
                let issuer = issuer.name.clone();
                return Ok(Some(Credentials::Unverified { issuer }));
            }
        };
        let outsider = Outsider {
            issuer: &issuer.name,
            said: &said,
        };
        let key = (number, said.subject.clone());
        let session = match self.remembered(&key, &outsider, now).await? {
            Some(session) => session,
            None => {
                let rows = self.rows_of(&outsider, now);
                let admitted = unscoped::admit(&self.database, &outsider, rows, now).await?;
                let Some(session) = admitted else {
                    Rejection::Ended.log(&issuer.name);
                    return Ok(Some(refused(Rejection::Ended.reason(), None)));
                };
                self.issuers.sessions.insert(key, session.id);
                Arc::new(session)
            }
        };
        if outsider.said_at() > now {
            unscoped::note_ahead(&self.database, &outsider).await?;
        }
        self.note_use(&session, super::authenticate::UNNAMED, now)
            .await;
        let viewer = self.viewer(&session, now).expiring_at(said.ends_at());
        Ok(Some(Credentials::Viewer(viewer)))
    }

    /// The session that the person's tokens opened before, while it lives and takes this one.
    async fn remembered(
        &self,
        key: &(usize, String),
        outsider: &Outsider<'_>,
        now: Timestamp,
    ) -> Result<Option<Arc<sessions::Model>>> {
        let Some(id) = self.issuers.sessions.get(key) else {
            return Ok(None);
        };
        let session = self.session(id, super::authenticate::UNNAMED, now).await?;
        Ok(session.filter(|session| outsider.is_of(session)))
    }

    fn rows_of(&self, outsider: &Outsider<'_>, now: Timestamp) -> Rows {
        let session_id = SessionId::new(&self.ids, now);
        let owner = Owner::mint(&self.ids, now);
        let said = outsider.said;
        // What is no address or no name is none.
        let email = said.email.as_deref().map(EmailAddress::parse);
        let email = email.and_then(std::result::Result::ok);
        let name = said.name.as_deref().map(Name::parse);
        let name = name.and_then(std::result::Result::ok);
        let event = |kind| security_events::ActiveModel {
            user_id: Set(owner),
            ..events::new(&self.ids, &Device::default(), kind, now)
        };
        Rows {
            user: users::ActiveModel {
                id: Set(owner),
                email: Set(email.map_or_else(String::new, |email| email.as_str().to_owned())),
                // No address is like it, so that nobody is taken for somebody else.
                email_key: Set(owner.user_id().to_string()),
                name: Set(name.map(Name::into_string)),
                time_zone: Set(TimeZone::utc().into_string()),
                password_hash: Set(String::new()),
                created_at: Set(now),
                updated_at: Set(now),
                disabled_at: Set(None),
            },
            identity: identities::ActiveModel {
                issuer: Set(outsider.issuer.to_owned()),
                subject: Set(outsider.subject().to_owned()),
                user_id: Set(Some(owner)),
                session_id: Set(session_id),
                created_at: Set(now),
                latest_at: Set(None),
            },
            session: new_session::new_row(sessions::Model {
                rotated_at: Timestamp::from_millis(-1),
                kind: Kind::Outside,
                ..new_session::begun(session_id, owner, now, lifetimes::NEVER)
            }),
            arrived: event(security_events::Kind::SignedUp),
            returned: event(security_events::Kind::SignedIn),
        }
    }
}
