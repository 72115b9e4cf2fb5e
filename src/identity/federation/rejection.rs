//! The reasons why tokens of other identity providers are refused, for the operator's log.

use std::fmt;

use jsonwebtoken::{Algorithm, errors::ErrorKind};

use crate::{clock::Timestamp, error::Reason};

/// The most characters of a claim that are logged.
const MAX_LOGGED_CHARS: usize = 100;

/// The reason why a token is refused. It holds what the token claims about itself, never the token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// The issuer is not among the trusted ones.
    Issuer(String),
    Header,
    Algorithm {
        found: Algorithm,
        expected: Vec<Algorithm>,
    },
    /// The `kid`, which no key has.
    Key(Option<String>),
    Signature,
    Claims,
    Audience {
        claim: String,
        found: Vec<String>,
        expected: String,
    },
    Subject,
    /// The latest of `iat` and `nbf`, which is ahead.
    NotYet {
        seconds: i64,
        now: Timestamp,
    },
    Expired {
        exp: i64,
        now: Timestamp,
    },
    /// Its owner signed out after it was issued, or is disabled.
    Ended,
}

impl Rejection {
    pub(super) fn of(error: &jsonwebtoken::errors::Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            // The text of others may repeat claims.
            _ => Self::Claims,
        }
    }

    /// The reason that the client is answered with.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Expired { .. } => Reason::TokenExpired,
            Self::Ended => Reason::SessionEnded,
            _ => Reason::TokenInvalid,
        }
    }

    /// Logs the refusal at `debug`.
    pub(super) fn log(&self, issuer: &str) {
        tracing::debug!(issuer = shortened(issuer), reason = %self, "a token of an identity provider is refused");
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuer(issuer) => write!(
                f,
                "issuer: iss is {:?}, which CUBBY_TRUSTED_ISSUERS does not name",
                shortened(issuer)
            ),
            Self::Header => f.write_str(
                "header: it cannot be read, its typ is neither JWT nor at+jwt, or it has crit",
            ),
            Self::Algorithm { found, expected } => {
                write!(f, "algorithm: alg is {found:?}, expected {expected:?}")
            }
            Self::Key(Some(kid)) => {
                write!(f, "key: no published key has the kid {:?}", shortened(kid))
            }
            Self::Key(None) => {
                f.write_str("key: it has no kid, and not exactly one key is published")
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
                let found: Vec<_> = found.iter().map(|audience| shortened(audience)).collect();
                write!(f, "audience: {claim} is {found:?}, expected {expected:?}")
            }
            Self::Subject => {
                f.write_str("subject: sub is empty, too long or has control characters")
            }
            Self::NotYet { seconds, now } => write!(
                f,
                "time: iat or nbf is {seconds}, which is ahead of {}",
                now.as_seconds()
            ),
            Self::Expired { exp, now } => {
                write!(
                    f,
                    "time: exp is {exp}, which is before {}",
                    now.as_seconds()
                )
            }
            Self::Ended => f.write_str(
                "session: its owner signed out after it was issued, was deleted, or is disabled",
            ),
        }
    }
}

fn shortened(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_LOGGED_CHARS);
    end.map_or(text, |(at, _)| &text[..at])
}
