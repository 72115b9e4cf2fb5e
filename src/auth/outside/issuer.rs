//! One identity provider that is trusted, and what its tokens say.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;

use super::{
    fetch::{Fetch, FetchError},
    key_set::{KeySet, KeysUnavailable},
};
use crate::{
    auth::tokens::{self, signer},
    clock::Timestamp,
    config::{IssuerKeys, TrustedIssuer},
    error::Reason,
};

/// How far the provider's clock and ours may differ.
const LEEWAY: Duration = Duration::from_mins(1);

/// Far more than a token has; what is longer is not looked at.
const LONGEST: usize = 16 * 1024;

/// How many characters a `sub` has at most (OpenID Connect Core, section 2).
const LONGEST_SUBJECT: usize = 255;

/// How many tokens that were found good are remembered.
const REMEMBERED: usize = 10_000;

pub(super) struct Issuer {
    pub(super) name: String,
    audience: String,
    validation: Validation,
    keys: Keys,
    /// By the SHA-256 of the whole token, with the version of the keys that it was found good by.
    verified: Cache<[u8; 32], (u64, Arc<Said>)>,
}

enum Keys {
    Published(Arc<KeySet>),
    Shared(DecodingKey),
}

/// What a token says whose signature and claims are good, whatever time it is.
pub(super) struct Said {
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
    aud: Audience,
    sub: String,
    iat: f64,
    exp: f64,
    nbf: Option<f64>,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    name: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Who a token says that it is of, before anything is known to be true.
#[derive(Deserialize)]
struct Claimed {
    iss: String,
}

/// The issuer that a token names.
pub(super) fn claimed_by(token: &str) -> Option<String> {
    if token.len() > LONGEST {
        return None;
    }
    let claimed: Claimed = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    Some(claimed.iss)
}

impl Issuer {
    pub(super) fn new(trusted: &TrustedIssuer) -> Result<Self, FetchError> {
        let (algorithm, keys) = match &trusted.keys {
            IssuerKeys::Shared(secret) => (
                Algorithm::HS256,
                Keys::Shared(DecodingKey::from_secret(secret.as_bytes())),
            ),
            IssuerKeys::Published {
                url,
                algorithm,
                is_private,
            } => {
                let fetch = Fetch::new(url, *is_private)?;
                let keys = KeySet::new(trusted.issuer.clone(), *algorithm, fetch);
                (*algorithm, Keys::Published(keys))
            }
        };
        Ok(Self {
            name: trusted.issuer.clone(),
            audience: trusted.audience.clone(),
            validation: signer::validation(algorithm),
            keys,
            verified: Cache::new(REMEMBERED),
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
    ) -> Result<Result<Arc<Said>, Reason>, KeysUnavailable> {
        let version = self.keys.version(now);
        let hash = tokens::hash_of(token);
        let remembered = self.verified.get(&hash);
        let said = match remembered.filter(|(by, _)| Some(*by) == version) {
            Some((_, said)) => said,
            None => {
                let Some(said) = self.read(token, now).await? else {
                    return Ok(Err(Reason::TokenInvalid));
                };
                let said = Arc::new(said);
                // To read it they may have been asked for anew.
                if let Some(version) = self.keys.version(now) {
                    self.verified.insert(hash, (version, Arc::clone(&said)));
                }
                said
            }
        };
        Ok(said.is_of(now).map(|()| said))
    }

    /// The token's claims, when it is signed as it should be and they are what they should be.
    async fn read(&self, token: &str, now: Timestamp) -> Result<Option<Said>, KeysUnavailable> {
        let Some(header) = jsonwebtoken::decode_header(token).ok().filter(is_plain) else {
            return Ok(None);
        };
        let key = match &self.keys {
            Keys::Shared(key) => Some(key.clone()),
            // The algorithm is what was set, whatever the token says of itself: others are not even looked
            // up.
            Keys::Published(_) if !self.validation.algorithms.contains(&header.alg) => None,
            Keys::Published(keys) => keys.find(header.kid.as_deref(), now).await?,
        };
        let claims = key.and_then(|key| {
            let read = jsonwebtoken::decode::<Claims>(token, &key, &self.validation);
            read.ok().map(|read| read.claims)
        });
        Ok(claims.and_then(|claims| self.accept(claims)))
    }

    fn accept(&self, claims: Claims) -> Option<Said> {
        let is_for_us = match &claims.aud {
            Audience::One(one) => *one == self.audience,
            Audience::Several(several) => several.contains(&self.audience),
        };
        let subject = claims.sub;
        let is_somebody = !subject.is_empty()
            && subject.chars().count() <= LONGEST_SUBJECT
            && !subject.contains(char::is_control);
        if claims.iss != self.name || !is_for_us || !is_somebody {
            return None;
        }
        Some(Said {
            subject,
            // Of any other type they are none.
            email: claims.email.as_str().map(str::to_owned),
            name: claims.name.as_str().map(str::to_owned),
            issued_at: seconds(claims.iat)?,
            expires_at: seconds(claims.exp)?,
            not_before: match claims.nbf {
                Some(nbf) => Some(seconds(nbf)?),
                None => None,
            },
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

impl Said {
    /// When it is good no more, here.
    pub(super) fn ends_at(&self) -> Timestamp {
        Timestamp::from_millis(self.expires_at.saturating_mul(1000)).plus(LEEWAY)
    }

    fn is_of(&self, now: Timestamp) -> Result<(), Reason> {
        let (earliest, latest) = (
            now.minus(LEEWAY).as_seconds(),
            now.plus(LEEWAY).as_seconds(),
        );
        if self.issued_at > latest || self.not_before.is_some_and(|nbf| nbf > latest) {
            return Err(Reason::TokenInvalid);
        }
        if self.expires_at <= earliest {
            return Err(Reason::TokenExpired);
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
fn seconds(date: f64) -> Option<i64> {
    const MOST: f64 = 9_007_199_254_740_991.0;
    (0.0..=MOST).contains(&date).then(|| date.floor() as i64)
}
