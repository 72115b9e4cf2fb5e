//! The reasons for rejecting an external provider's token: logged for the operator.

use std::fmt;

use jsonwebtoken::{Algorithm, errors::ErrorKind};

use crate::{clock::Timestamp, error::AuthFailure};

/// The maximum number of characters of a claim that are logged.
const MAX_LOGGED_CHARS: usize = 100;

/// The reason why a token is rejected. It can contain claims of the token, but never the token
/// itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// The issuer is not among the trusted ones.
    Issuer(String),
    Header,
    Algorithm {
        found: Algorithm,
        expected: Vec<Algorithm>,
    },
    /// No published key has this `kid`.
    Key(Option<String>),
    Signature,
    Claims,
    Audience {
        claim: String,
        found: Vec<String>,
        expected: String,
    },
    Subject,
    /// The later one of `iat` and `nbf` is in the future.
    NotYet {
        seconds: i64,
        now: Timestamp,
    },
    Expired {
        exp: i64,
        now: Timestamp,
    },
    /// The token was issued before its user signed out, or the user is disabled or was deleted.
    Ended,
}

impl Rejection {
    pub(super) fn of(error: &jsonwebtoken::errors::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            // The library's text is not logged, since it may repeat claims.
            _ => Self::Claims,
        }
    }

    /// Returns the reason for the client, which has fewer details.
    pub(super) fn reason(&self) -> AuthFailure {
        match self {
            Self::Expired { .. } => AuthFailure::TokenExpired,
            Self::Ended => AuthFailure::SessionEnded,
            _ => AuthFailure::TokenInvalid,
        }
    }

    /// Logs the rejection at `debug`.
    pub(super) fn log(&self, issuer: &str) {
        tracing::debug!(issuer = truncate(issuer), reason = %self, "rejected the token of an external provider");
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(issuer) => write!(
                f,
                "issuer: iss is {:?}, which is not in CUBBY_TRUSTED_ISSUERS",
                truncate(issuer)
            ),
            Self::Header => {
                f.write_str("header: invalid, or typ is neither JWT nor at+jwt, or crit is present")
            }
            Self::Algorithm { found, expected } => {
                write!(f, "algorithm: alg is {found:?}, expected {expected:?}")
            }
            Self::Key(Some(kid)) => {
                write!(f, "key: no published key has the kid {:?}", truncate(kid))
            }
            Self::Key(None) => {
                f.write_str("key: kid is missing, and the number of published keys is not one")
            }
            Self::Signature => f.write_str("key: the signature does not match the key"),
            Self::Claims => {
                f.write_str("claims: iss, sub, iat or exp is missing, or a claim has a wrong type")
            }
            Self::Audience {
                claim,
                found,
                expected,
            } => {
                let found: Vec<_> = found.iter().map(|audience| truncate(audience)).collect();
                write!(f, "audience: {claim} is {found:?}, expected {expected:?}")
            }
            Self::Subject => {
                f.write_str("subject: sub is empty, too long or has control characters")
            }
            Self::NotYet { seconds, now } => write!(
                f,
                "time: iat or nbf is {seconds}, which is after {}",
                now.as_seconds()
            ),
            Self::Expired { exp, now } => {
                write!(
                    f,
                    "time: exp is {exp}, which is before {}",
                    now.as_seconds()
                )
            }
            Self::Ended => {
                f.write_str("session: the user signed out after iat, was deleted, or is disabled")
            }
        }
    }
}

fn truncate(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_LOGGED_CHARS);
    end.map_or(text, |(at, _)| &text[..at])
}
