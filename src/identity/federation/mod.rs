//! Tokens of other identity providers.
//!
//! An external user is identified by `iss` and `sub` alone: an address in a token opens no existing account.

mod issuer;
mod jwks_cache;
mod jwks_fetcher;
mod rejection;

use std::sync::Arc;

use self::{
    issuer::{Issuer, VerifiedClaims},
    jwks_cache::KeysUnavailable,
    rejection::Rejection,
};
use super::{entity::sessions, lifetimes};
use crate::{clock::Timestamp, config::TrustedIssuers, error::Reason};

/// The identity providers that are trusted.
pub(crate) struct Federation {
    issuers: Vec<Issuer>,
    /// The issuer of Cubby's own tokens.
    own: String,
}

/// An identity provider that cannot be trusted as it is set. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error(
        "CUBBY_TRUSTED_ISSUERS: {0} is what this server's own tokens say: set CUBBY_ISSUER to another name"
    )]
    OwnName(String),
    #[error("CUBBY_TRUSTED_ISSUERS: of {0}: {1}")]
    Keys(String, String),
}

/// The result of verifying a token of a trusted identity provider.
pub(in crate::identity) enum ExternalToken<'a> {
    Valid(ExternalIdentity<'a>),
    Invalid(Reason),
    /// The keys of the issuer cannot be fetched now.
    Unverified {
        issuer: String,
    },
}

/// Proof that a trusted identity provider asserts a user's identity.
pub(in crate::identity) struct ExternalIdentity<'a> {
    issuer: &'a str,
    claims: Arc<VerifiedClaims>,
}

/// What the token of an external user does.
pub(in crate::identity) enum SessionDecision {
    Resume(sessions::Model),
    /// Opens a session that accepts tokens issued after this moment.
    Open(Timestamp),
    /// The token was issued before its user signed out.
    Refuse,
}

impl Federation {
    /// # Errors
    /// If an issuer has our own name, or its keys cannot be fetched as it is set.
    pub(crate) fn new(trusted: &TrustedIssuers, own: &str) -> Result<Self, IssuerError> {
        let issuers = trusted.iter().map(|issuer| {
            let name = &issuer.issuer;
            if name == own {
                return Err(IssuerError::OwnName(name.clone()));
            }
            Issuer::new(issuer).map_err(|error| IssuerError::Keys(name.clone(), error.to_string()))
        });
        Ok(Self {
            issuers: issuers.collect::<Result<_, _>>()?,
            own: own.to_owned(),
        })
    }

    /// Verifies a token. Returns nothing if it names no trusted issuer.
    pub(in crate::identity) async fn verify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Option<ExternalToken<'_>> {
        let issuer = self.find_issuer(token)?;
        Some(match issuer.verify(token, now).await {
            Ok(Ok(claims)) => ExternalToken::Valid(ExternalIdentity {
                issuer: &issuer.name,
                claims,
            }),
            Ok(Err(rejection)) => {
                rejection.log(&issuer.name);
                ExternalToken::Invalid(rejection.reason())
            }
            Err(KeysUnavailable) => ExternalToken::Unverified {
                issuer: issuer.name.clone(),
            },
        })
    }

    /// Finds the trusted issuer that a token claims to be of.
    fn find_issuer(&self, token: &str) -> Option<&Issuer> {
        if self.issuers.is_empty() {
            return None;
        }
        let claimed = issuer::unverified_issuer(token)?;
        let found = self.issuers.iter().find(|issuer| issuer.name == claimed);
        if found.is_none() && claimed != self.own {
            Rejection::Issuer(claimed.clone()).log(&claimed);
        }
        found
    }
}

impl ExternalIdentity<'_> {
    pub(in crate::identity) fn issuer(&self) -> &str {
        self.issuer
    }

    pub(in crate::identity) fn subject(&self) -> &str {
        &self.claims.subject
    }

    pub(in crate::identity) fn email(&self) -> Option<&str> {
        self.claims.email.as_deref()
    }

    pub(in crate::identity) fn name(&self) -> Option<&str> {
        self.claims.name.as_deref()
    }

    /// The time of the token, in whole seconds: it is not later than any moment of its second.
    pub(in crate::identity) fn issued_at(&self) -> Timestamp {
        Timestamp::from_millis(self.claims.issued_at.saturating_mul(1000))
    }

    pub(in crate::identity) fn expires_at(&self) -> Timestamp {
        self.claims.ends_at()
    }

    /// True if the session accepts the token. It may have been opened after another one was ended.
    pub(in crate::identity) fn is_accepted_by(&self, session: &sessions::Model) -> bool {
        session.rotated_at < self.issued_at()
    }

    /// Decides by the last session that was opened for the user, whose row may have been deleted. The issuer's clock
    /// may be ahead of ours; then the latest token counts as issued before the end.
    pub(in crate::identity) fn decide(
        &self,
        session: Option<sessions::Model>,
        latest_future_iat: Option<Timestamp>,
        now: Timestamp,
    ) -> SessionDecision {
        let ended_at = match &session {
            Some(session) => session.ended_at,
            // Its row was deleted, and so it had ended by then.
            None => Some(now.minus(lifetimes::SESSION_RETENTION)),
        };
        let ended_at = ended_at.map(|end| latest_future_iat.map_or(end, |latest| latest.max(end)));
        let before = session.as_ref().map(|session| session.rotated_at);
        let refused_until = ended_at.into_iter().chain(before).max();
        match session {
            _ if refused_until.is_some_and(|end| self.issued_at() <= end) => {
                SessionDecision::Refuse
            }
            Some(session) if session.is_active_at(now) => SessionDecision::Resume(session),
            _ => SessionDecision::Open(refused_until.unwrap_or(now)),
        }
    }

    /// Logs that the token opens no session any more, and returns the reason for the client.
    pub(in crate::identity) fn refuse(&self) -> Reason {
        Rejection::Ended.log(self.issuer);
        Rejection::Ended.reason()
    }
}
