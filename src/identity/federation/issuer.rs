//! One identity provider that is trusted, and what its tokens say.

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

/// How far the provider's clock and ours may differ.
const LEEWAY: Duration = Duration::from_mins(1);

/// Far more than a token has; what is longer is not looked at.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How many characters a `sub` has at most (OpenID Connect Core, section 2).
const MAX_SUBJECT_CHARS: usize = 255;

/// How many tokens that were found good are remembered.
const MAX_CACHED_TOKENS: usize = 10_000;

pub(super) struct Issuer {
    pub(super) name: String,
    audience: String,
    /// The claim that holds the audience.
    audience_claim: String,
    validation: Validation,
    keys: Keys,
    /// By the SHA-256 of the whole token, with the version of the keys that it was found good by.
    verified: Cache<[u8; 32], (u64, Arc<VerifiedClaims>)>,
}

enum Keys {
    Published(Arc<JwksCache>),
    Shared(DecodingKey),
}

/// What a token says whose signature and claims are good, whatever time it is.
pub(super) struct VerifiedClaims {
    pub(super) subject: String,
    pub(super) email: Option<String>,
    pub(super) name: Option<String>,
    /// In seconds since the Unix epoch, as all of them.
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

/// Who a token says that it is of, before anything is known to be true.
#[derive(Deserialize)]
struct UnverifiedClaims {
    iss: String,
}

/// The issuer that a token names.
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

    /// What a token of this issuer's says, if it is one and it is its time.
    ///
    /// # Errors
    /// Only when the keys cannot be had.
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
                // To read it they may have been asked for anew.
                if let Some(version) = self.keys.version(now) {
                    self.verified.insert(hash, (version, Arc::clone(&claims)));
                }
                claims
            }
        };
        Ok(claims.is_of(now).map(|()| claims))
    }

    /// The token's claims, when it is signed as it should be and they are what they should be.
    async fn read(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Result<VerifiedClaims, Rejection>, KeysUnavailable> {
        let Some(header) = jsonwebtoken::decode_header(token).ok().filter(is_plain) else {
            return Ok(Err(Rejection::Header));
        };
        // The algorithm is what was set, whatever the token says of itself: for others no key is looked up.
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
        let is_somebody = !subject.is_empty()
            && subject.chars().count() <= MAX_SUBJECT_CHARS
            && !subject.contains(char::is_control);
        if claims.iss != self.name {
            return Err(Rejection::Issuer(claims.iss));
        }
        if !is_somebody {
            return Err(Rejection::Subject);
        }
        Ok(VerifiedClaims {
            subject,
            // Of any other type they are none.
            email: claims.email.as_str().map(str::to_owned),
            name: claims.name.as_str().map(str::to_owned),
            issued_at: seconds(claims.iat)?,
            expires_at: seconds(claims.exp)?,
            not_before: claims.nbf.map(seconds).transpose()?,
        })
    }
}

impl Keys {
    /// Which keys these are, while they may be believed.
    fn version(&self, now: Timestamp) -> Option<u64> {
        match self {
            Self::Shared(_) => Some(0),
            Self::Published(keys) => keys.keep_up(now),
        }
    }
}

impl VerifiedClaims {
    /// When it is good no more, here.
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

/// Whether it is a token of the kinds that are meant (RFC 8725, section 3.11), and asks for nothing that
/// would have to be understood (RFC 7515, section 4.1.11).
fn is_plain(header: &Header) -> bool {
    let kind = header.typ.as_deref().unwrap_or("JWT").to_lowercase();
    let kind = kind.trim_start_matches("application/");
    header.crit.is_none() && ["jwt", "at+jwt"].contains(&kind)
}

/// A NumericDate (RFC 7519, section 2), which may have a fraction.
fn seconds(date: f64) -> Result<i64, Rejection> {
    const MOST: f64 = 9_007_199_254_740_991.0;
    if (0.0..=MOST).contains(&date) {
        Ok(date.floor() as i64)
    } else {
        Err(Rejection::Claims)
    }
}
