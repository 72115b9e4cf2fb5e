//! One external provider: verifies its tokens and returns their claims.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;

use super::{
    jwks_cache::{JwksCache, KeysUnavailable},
    jwks_fetcher::{FetchError, JwksFetcher},
    rejection::Rejection,
};
use crate::{
    clock::Timestamp,
    config::{IssuerKeys, TrustedIssuer},
    crypto::jwt,
};

/// The maximum difference between the provider's clock and ours.
const LEEWAY: Duration = Duration::from_mins(1);

/// The maximum length of a token. A longer one is rejected unread.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The maximum length of a `sub` (OpenID Connect Core section 2).
const MAX_SUBJECT_CHARS: usize = 255;

/// The maximum number of verified tokens in the cache.
const MAX_CACHED_TOKENS: usize = 10_000;

pub(super) struct Issuer {
    pub(super) name: String,
    audience: String,
    /// The name of the claim with the audience.
    audience_claim: String,
    validation: Validation,
    keys: Keys,
    /// Caches verified tokens: maps the SHA-256 of a token to the version of the keys that verified
    /// it, and to its claims.
    verified: Cache<[u8; 32], (u64, Arc<VerifiedClaims>)>,
}

enum Keys {
    Published(Arc<JwksCache>),
    Shared(DecodingKey),
}

/// The claims of a token whose signature, issuer, audience and subject are valid. Its times are
/// compared with the clock separately.
pub(super) struct VerifiedClaims {
    pub(super) subject: String,
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    /// Seconds since the Unix epoch, like the other times.
    pub(super) issued_at: i64,
    expires_at: i64,
    not_before: Option<i64>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Option<Audience>,
    sub: String,
    iat: f64,
    exp: f64,
    nbf: Option<f64>,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    name: Value,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several,
        }
    }
}

/// The claims that are read before a token is verified.
#[derive(Deserialize)]
struct UnverifiedClaims {
    iss: String,
}

/// Returns the `iss` of a token that has not been verified.
pub(super) fn unverified_issuer(token: &str) -> Option<String> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let claimed: UnverifiedClaims = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    Some(claimed.iss)
}

impl Issuer {
    pub(super) fn new(trusted: &TrustedIssuer) -> Result<Self, FetchError> {
        let (algorithm, keys) = match &trusted.keys {
            IssuerKeys::Shared(secret) => (
                Algorithm::HS256,
                Keys::Shared(DecodingKey::from_secret(secret.as_bytes())),
            ),
            IssuerKeys::Published { url, algorithm } => {
                let fetcher = JwksFetcher::new(url)?;
                let keys = JwksCache::new(trusted.issuer.clone(), *algorithm, fetcher);
                (*algorithm, Keys::Published(keys))
            }
        };
        Ok(Self {
            name: trusted.issuer.clone(),
            audience: trusted.audience.clone(),
            audience_claim: trusted.audience_claim.clone(),
            validation: jwt::validation(algorithm),
            keys,
            verified: Cache::new(MAX_CACHED_TOKENS),
        })
    }

    /// Verifies a token of this issuer. Returns its claims, or the reason for its rejection.
    ///
    /// # Errors
    /// If the issuer's keys are unavailable.
    pub(super) async fn verify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Result<Arc<VerifiedClaims>, Rejection>, KeysUnavailable> {
        let version = self.keys.version(now);
        let hash = jwt::token_hash(token);
        let remembered = self.verified.get(&hash);
        let claims = match remembered.filter(|(by, _)| Some(*by) == version) {
            Some((_, claims)) => claims,
            None => {
                let claims = match self.read(token, now).await? {
                    Ok(claims) => Arc::new(claims),
                    Err(rejection) => return Ok(Err(rejection)),
                };
                // Verifying may have fetched the keys, so the version is read again.
                if let Some(version) = self.keys.version(now) {
                    self.verified.insert(hash, (version, Arc::clone(&claims)));
                }
                claims
            }
        };
        Ok(claims.is_of(now).map(|()| claims))
    }

    /// Verifies the signature, the header and the claims except for their times.
    async fn read(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Result<VerifiedClaims, Rejection>, KeysUnavailable> {
        let Some(header) = jsonwebtoken::decode_header(token).ok().filter(is_plain) else {
            return Ok(Err(Rejection::Header));
        };
        // Only the configured algorithm is accepted. A token of another one causes no lookup of a
        // key.
        if !self.validation.algorithms.contains(&header.alg) {
            return Ok(Err(Rejection::Algorithm {
                found: header.alg,
                expected: self.validation.algorithms.clone(),
            }));
        }
        let key = match &self.keys {
            Keys::Shared(key) => Some(key.clone()),
            Keys::Published(keys) => keys.find(header.kid.as_deref(), now).await?,
        };
        let Some(key) = key else {
            return Ok(Err(Rejection::Key(header.kid)));
        };
        let read = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
        Ok(read
            .map_err(|error| Rejection::of(&error))
            .and_then(|read| self.accept(read.claims)))
    }

    fn accept(&self, mut claims: Claims) -> Result<VerifiedClaims, Rejection> {
        let audience = match self.audience_claim.as_str() {
            "aud" => claims.aud.take(),
            claim => {
                let value = claims.others.remove(claim);
                value.and_then(|value| serde_json::from_value(value).ok())
            }
        };
        let audiences = audience.map_or_else(Vec::new, Audience::into_vec);
        if !audiences.contains(&self.audience) {
            return Err(Rejection::Audience {
                claim: self.audience_claim.clone(),
                found: audiences,
                expected: self.audience.clone(),
            });
        }
        let subject = claims.sub;
        let is_valid_subject = !subject.is_empty()
            && subject.chars().count() <= MAX_SUBJECT_CHARS
            && !subject.contains(char::is_control);
        if claims.iss != self.name {
            return Err(Rejection::Issuer(claims.iss));
        }
        if !is_valid_subject {
            return Err(Rejection::Subject);
        }
        Ok(VerifiedClaims {
            subject,
            // Ignored unless they are strings.
            email: claims.email.as_str().map(str::to_owned),
            name: claims.name.as_str().map(str::to_owned),
            issued_at: seconds(claims.iat)?,
            expires_at: seconds(claims.exp)?,
            not_before: claims.nbf.map(seconds).transpose()?,
        })
    }
}

impl Keys {
    /// Returns the version of the keys, or nothing if they are too old to use.
    fn version(&self, now: Timestamp) -> Option<u64> {
        match self {
            Self::Shared(_) => Some(0),
            Self::Published(keys) => keys.refresh_if_stale(now),
        }
    }
}

impl VerifiedClaims {
    /// Returns the time from which the token is rejected: `exp` plus the leeway.
    pub(super) fn ends_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expires_at.saturating_mul(1000)).plus(LEEWAY)
    }

    fn is_of(&self, now: Timestamp) -> Result<(), Rejection> {
        let (earliest, latest) = (
            now.minus(LEEWAY).as_seconds(),
            now.plus(LEEWAY).as_seconds(),
        );
        let begins_at = self
            .not_before
            .map_or(self.issued_at, |nbf| nbf.max(self.issued_at));
        if begins_at > latest {
            return Err(Rejection::NotYet {
                seconds: begins_at,
                now,
            });
        }
        if self.expires_at <= earliest {
            return Err(Rejection::Expired {
                exp: self.expires_at,
                now,
            });
        }
        Ok(())
    }
}

/// True if the header has an accepted `typ` (RFC 8725 section 3.11) and no `crit`, whose extensions
/// would have to be understood (RFC 7515 section 4.1.11).
fn is_plain(header: &Header) -> bool {
    let kind = header.typ.as_deref().unwrap_or("JWT").to_lowercase();
    let kind = kind.trim_start_matches("application/");
    header.crit.is_none() && ["jwt", "at+jwt"].contains(&kind)
}

/// Returns the whole seconds of a NumericDate (RFC 7519 section 2), which may have a fraction.
fn seconds(date: f64) -> Result<i64, Rejection> {
    const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
    if (0.0..=MAX_SAFE_INTEGER).contains(&date) {
        Ok(date.floor() as i64)
    } else {
        Err(Rejection::Claims)
    }
}
