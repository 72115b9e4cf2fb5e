//! Access tokens: JSON Web Tokens (RFC 9068) that name a session; signs and verifies them.

pub(super) mod keys;
pub(super) mod signer;

use std::{sync::Arc, time::Duration};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    crypto::jwt,
    error::{AuthFailure, Error, Result},
    id::SessionKey,
    identity::{
        entity::sessions,
        lifetimes,
        tokens::{keys::Keys, signer::Signer},
    },
};

/// The maximum time by which the clock of the instance that signed a token may be ahead of ours.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);

/// The `client_id` of every token (RFC 9068 section 2.2). Cubby has no registered clients.
const CLIENT_ID: &str = "cubby";

/// The maximum length of a token, far above that of Cubby's own. A longer one is rejected unread.
const MAX_TOKEN_BYTES: usize = 4096;

/// The maximum number of verified tokens in the cache, which then takes about 3 MB.
const MAX_CACHED_TOKENS: usize = 20_000;

/// Signs and verifies access tokens, with one algorithm.
pub struct Tokens {
    signers: KeySource,
    issuer: String,
    audience: String,
    /// Verified claims by the SHA-256 of the whole token: verifying an Ed25519 signature costs more
    /// than the rest of authentication. The session is still looked up for each request.
    verified: Cache<[u8; 32], VerifiedClaims>,
}

/// The source of the signing key.
enum KeySource {
    Rotating(Box<Keys>),
    Shared(Arc<Signer>),
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    #[serde(rename = "gen")]
    generation: i32,
    iat: i64,
    exp: i64,
    jti: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// The claims of a token whose signature, issuer, audience and lifetime are valid. Its times are
/// compared with the clock separately.
#[derive(Clone, Copy)]
struct VerifiedClaims {
    session: SessionKey,
    generation: i32,
    issued_at: i64,
    not_before: Option<i64>,
    expires_at: i64,
}

impl VerifiedClaims {
    fn is_early(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|nbf| nbf > now.as_seconds())
            || self.issued_at > now.plus(MAX_CLOCK_SKEW).as_seconds()
    }
}

/// The session and generation that a valid token names. The session may have ended.
pub(super) struct SessionRef {
    pub(super) session: SessionKey,
    pub(super) generation: i32,
    pub(super) has_expired: bool,
}

impl Tokens {
    /// Signs with the Ed25519 keys in the database. Any service can verify the tokens with the
    /// public keys in the server's JWK set.
    pub fn ed25519(keys: Keys, issuer: &str, audience: &str) -> Self {
        Self::new(KeySource::Rotating(Box::new(keys)), issuer, audience)
    }

    /// Signs with HMAC-SHA-256. A service needs the shared secret to verify the tokens, and the
    /// server's JWK set is empty.
    pub fn hs256(shared: &[u8], issuer: &str, audience: &str) -> Self {
        let signer = KeySource::Shared(Arc::new(Signer::hs256(shared)));
        Self::new(signer, issuer, audience)
    }

    fn new(signers: KeySource, issuer: &str, audience: &str) -> Self {
        Self {
            signers,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            verified: Cache::new(MAX_CACHED_TOKENS),
        }
    }

    /// Reads the keys again if the cached ones are stale, since another process may have rotated
    /// them. Must be called before signing.
    pub(super) async fn refresh_if_stale(&self, now: Timestamp) {
        match &self.signers {
            KeySource::Rotating(keys) => keys.refresh_if_stale(now).await,
            KeySource::Shared(_) => {}
        }
    }

    /// Returns the public keys as a JWK set (RFC 7517).
    pub(crate) async fn jwks(&self, now: Timestamp) -> serde_json::Value {
        self.refresh_if_stale(now).await;
        match &self.signers {
            KeySource::Rotating(keys) => keys.jwks(now),
            KeySource::Shared(_) => serde_json::json!({ "keys": [] }),
        }
    }

    /// Signs a token for the session. Returns it with its expiry, in whole seconds and not after
    /// the session's end.
    pub(super) fn sign(
        &self,
        session: &sessions::Model,
        jti: uuid::Uuid,
        now: Timestamp,
    ) -> Result<(String, Timestamp)> {
        let expires = session
            .ends_at()
            .min(now.plus(lifetimes::ACCESS_TOKEN_LIFETIME))
            .as_seconds();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: session.user_id.user_id().to_string(),
            sid: session.id.to_string(),
            generation: session.generation,
            iat: now.as_seconds(),
            exp: expires,
            jti: jti.to_string(),
            client_id: CLIENT_ID.to_owned(),
            nbf: None,
        };
        let signer = match &self.signers {
            KeySource::Rotating(keys) => keys.signing(now).ok_or_else(no_key)?,
            KeySource::Shared(signer) => Arc::clone(signer),
        };
        let token = signer.sign(&claims)?;
        Ok((token, Timestamp::from_millis(expires * 1000)))
    }

    /// Verifies a token that this server signed, expired or not.
    ///
    /// Expiry and `nbf` are compared with `now` without leeway; `iat` may be up to 5 minutes ahead.
    /// The JWT library does not check times, since it would read the system clock.
    ///
    /// # Errors
    /// If the token names an unknown key and the database is unavailable.
    pub(super) async fn verify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<std::result::Result<SessionRef, AuthFailure>> {
        if token.len() > MAX_TOKEN_BYTES {
            return Ok(Err(AuthFailure::TokenInvalid));
        }
        // Looked up for cached tokens too: they become invalid when their key expires or is
        // deleted.
        let signer = match &self.signers {
            KeySource::Rotating(keys) => keys.named_by(token, now).await?,
            KeySource::Shared(signer) => Some(Arc::clone(signer)),
        };
        let claims = signer.and_then(|signer| self.verify_cached(token, &signer, now));
        let claims = claims.filter(|claims| !claims.is_early(now));
        Ok(claims
            .map(|claims| SessionRef {
                session: claims.session,
                generation: claims.generation,
                has_expired: claims.expires_at <= now.as_seconds(),
            })
            .ok_or(AuthFailure::TokenInvalid))
    }

    /// Returns the token's claims, from the cache or by verifying its signature and claims.
    fn verify_cached(
        &self,
        token: &str,
        signer: &Signer,
        now: Timestamp,
    ) -> Option<VerifiedClaims> {
        let hash = jwt::token_hash(token);
        if let Some(claims) = self.verified.get(&hash) {
            if claims.expires_at <= now.as_seconds() {
                self.verified.remove(&hash);
            }
            return Some(claims);
        }
        let claims = self.read(&signer.open(token)?)?;
        if claims.expires_at > now.as_seconds() {
            self.verified.insert(hash, claims);
        }
        Some(claims)
    }

    fn read(&self, claims: &Claims) -> Option<VerifiedClaims> {
        let life = claims.exp.checked_sub(claims.iat)?;
        let is_ours = claims.iss == self.issuer
            && claims.aud == self.audience
            && claims.client_id == CLIENT_ID
            && claims.iat >= 0
            && (0..=lifetimes::MAX_ACCESS_TOKEN_LIFETIME.as_secs().cast_signed()).contains(&life);
        if !is_ours {
            return None;
        }
        Some(VerifiedClaims {
            session: SessionKey {
                user_id: claims.sub.parse().ok()?,
                session_id: claims.sid.parse().ok()?,
            },
            generation: claims.generation,
            issued_at: claims.iat,
            not_before: claims.nbf,
            expires_at: claims.exp,
        })
    }
}

fn no_key() -> Error {
    Error::internal(std::io::Error::other("there is no signing key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_262_400_000);

    fn tokens() -> Tokens {
        Tokens::hs256(&[7; 32], "cubby", "cubby")
    }

    fn claims() -> Claims {
        Claims {
            iss: "cubby".to_owned(),
            aud: "cubby".to_owned(),
            sub: "user_01h2xcejqtf2nbrexx3vqjhp41".to_owned(),
            sid: "session_01h2xcejqtf2nbrexx3vqjhp41".to_owned(),
            generation: 1,
            iat: NOW.as_seconds(),
            exp: NOW.plus(lifetimes::ACCESS_TOKEN_LIFETIME).as_seconds(),
            jti: String::new(),
            client_id: CLIENT_ID.to_owned(),
            nbf: None,
        }
    }

    async fn verified(
        tokens: &Tokens,
        token: &str,
        now: Timestamp,
    ) -> std::result::Result<SessionRef, AuthFailure> {
        tokens.verify(token, now).await.unwrap()
    }

    #[tokio::test]
    async fn valid_token_is_cached_until_it_expires() {
        let tokens = tokens();
        let token = Signer::hs256(&[7; 32]).sign(&claims()).unwrap();
        let verify = async |now| verified(&tokens, &token, now).await.unwrap().has_expired;
        assert!(!verify(NOW).await);
        assert_eq!(tokens.verified.len(), 1);
        assert!(!verify(NOW).await);
        assert_eq!(tokens.verified.len(), 1);
        assert!(verify(NOW.plus(lifetimes::ACCESS_TOKEN_LIFETIME)).await);
        assert_eq!(tokens.verified.len(), 0);
        assert!(verify(NOW.plus(lifetimes::ACCESS_TOKEN_LIFETIME)).await);
        assert_eq!(tokens.verified.len(), 0);
    }

    #[tokio::test]
    async fn cached_token_still_has_its_nbf_checked() {
        let tokens = tokens();
        let early = Claims {
            nbf: Some(NOW.as_seconds()),
            ..claims()
        };
        let token = Signer::hs256(&[7; 32]).sign(&early).unwrap();
        assert!(verified(&tokens, &token, NOW).await.is_ok());
        let before = Timestamp::from_millis(NOW.as_millis() - 1000);
        assert!(verified(&tokens, &token, before).await.is_err());
    }

    #[tokio::test]
    async fn invalid_token_is_not_cached() {
        let tokens = tokens();
        let foreign = Signer::hs256(&[8; 32]).sign(&claims()).unwrap();
        let wrong = Claims {
            aud: "another".to_owned(),
            ..claims()
        };
        let wrong = Signer::hs256(&[7; 32]).sign(&wrong).unwrap();
        for token in [&foreign, &wrong, "a.b.c"] {
            assert!(verified(&tokens, token, NOW).await.is_err());
        }
        assert_eq!(tokens.verified.len(), 0);
    }

    #[test]
    fn token_cache_is_bounded() {
        let tokens = tokens();
        let claims = tokens.read(&claims()).unwrap();
        for number in 0..3 * MAX_CACHED_TOKENS {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            tokens.verified.insert(hash, claims);
        }
        assert!(tokens.verified.len() <= MAX_CACHED_TOKENS);
        assert!(tokens.verified.len() > MAX_CACHED_TOKENS / 2);
    }
}
