//! Federation: verifies the tokens of trusted external providers.
//!
//! An external user is identified by `iss` and `sub` alone. An email address in a token never
//! matches an existing account.

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
use crate::{clock::Timestamp, config::TrustedIssuers, error::AuthFailure};

/// The trusted external providers.
pub(crate) struct Federation {
    issuers: Vec<Issuer>,
    /// The `iss` of Cubby's own tokens.
    own: String,
}

/// An error in the settings of an external provider. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error(
        "CUBBY_TRUSTED_ISSUERS: {0} is the issuer of this server's own tokens: set CUBBY_ISSUER to another name"
    )]
    OwnName(String),
    #[error("CUBBY_TRUSTED_ISSUERS: cannot set up the HTTP client for the keys of {0}: {1}")]
    Keys(String, String),
}

/// The result of verifying a token of an external provider.
pub(in crate::identity) enum ExternalToken<'a> {
    Valid(ExternalIdentity<'a>),
    Invalid(AuthFailure),
    /// The keys of the issuer cannot be fetched now.
    Unverified {
        issuer: String,
    },
}

/// Proof that an external provider asserts a user's identity.
pub(in crate::identity) struct ExternalIdentity<'a> {
    issuer: &'a str,
    claims: Arc<VerifiedClaims>,
}

/// The effect of a valid token of an external user.
pub(in crate::identity) enum SessionDecision {
    /// Uses the active session.
    Resume(sessions::Model),
    /// Opens a session that accepts tokens issued after this time.
    Open(Timestamp),
    /// Rejects the token, since it was issued before its user's last session ended.
    Refuse,
}

impl Federation {
    /// # Errors
    /// If an external provider has the issuer of Cubby's own tokens, or no HTTP client can be
    /// created.
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

    /// Verifies a token. Returns nothing if its `iss` is not a trusted issuer.
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

    /// Finds the trusted issuer that an unverified token names.
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

    /// Returns the `iat` of the token, in whole seconds, rounded down.
    pub(in crate::identity) fn issued_at(&self) -> Timestamp {
        Timestamp::from_millis(self.claims.issued_at.saturating_mul(1000))
    }

    pub(in crate::identity) fn expires_at(&self) -> Timestamp {
        self.claims.ends_at()
    }

    /// True if the session accepts the token: it was issued after the user's previous session
    /// ended.
    pub(in crate::identity) fn is_accepted_by(&self, session: &sessions::Model) -> bool {
        session.rotated_at < self.issued_at()
    }

    /// Decides by the user's last session, which is `None` if its row has been deleted.
    ///
    /// If the issuer's clock is ahead of ours, `latest_future_iat` is the latest `iat` in the
    /// future that was seen. Tokens up to it count as issued before the session ended.
    pub(in crate::identity) fn decide(
        &self,
        session: Option<sessions::Model>,
        latest_future_iat: Option<Timestamp>,
        now: Timestamp,
    ) -> SessionDecision {
        let ended_at = match &session {
            Some(session) => session.ended_at,
            // Its row was deleted, so the session had ended by then.
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

    /// Logs that the token's session has ended, and returns the reason for the client.
    pub(in crate::identity) fn refuse(&self) -> AuthFailure {
        Rejection::Ended.log(self.issuer);
        Rejection::Ended.reason()
    }
}
