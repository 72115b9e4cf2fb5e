//! Access tokens: JSON Web Tokens that name a session (RFC 9068).

pub(super) mod keys;
pub(super) mod signer;

use std::{sync::Arc, time::Duration};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    crypto::jwt,
    error::{Error, Reason, Result},
    id::SessionKey,
    identity::{
        entity::sessions,
        lifetimes,
        tokens::{keys::Keys, signer::Signer},
    },
};

/// How far the clock of another instance, which signed a token, may go ahead of ours.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(5);

/// The `client_id` of every token: there is one client, the front end, and it is not registered.
const CLIENT: &str = "cubby";

/// Far more than a token of ours has; what is longer is not looked at.
const MAX_TOKEN_BYTES: usize = 4096;

/// How many tokens that were found good are remembered: some 3 MB.
const MAX_CACHED_TOKENS: usize = 20_000;

/// Signs access tokens and reads them back, with one algorithm.
pub struct Tokens {
    signers: KeySource,
    issuer: String,
    audience: String,
    /// By the SHA-256 of the whole token: checking a signature of Ed25519 costs more than the rest of
    /// the guard together. The session is asked for all the same.
    verified: Cache<[u8; 32], VerifiedClaims>,
}

/// What signs.
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

/// What a token claims whose signature and claims are good, whatever time it is.
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

/// A token with a valid signature. Its session may have ended.
pub(super) struct SessionRef {
    pub(super) session: SessionKey,
    pub(super) generation: i32,
    pub(super) has_expired: bool,
}

impl Tokens {
    /// Signs with the Ed25519 keys of the database; anybody may verify with those in
    /// [`Tokens::jwks`].
    pub fn ed25519(keys: Keys, issuer: &str, audience: &str) -> Self {
        Self::new(KeySource::Rotating(Box::new(keys)), issuer, audience)
    }

    /// Signs with HMAC and SHA-256; whoever verifies shares the secret, and [`Tokens::jwks`] is
    /// empty.
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

    /// Notices what other processes have done to the keys; to be asked now and again before signing.
    pub(super) async fn refresh_if_stale(&self, now: Timestamp) {
        match &self.signers {
            KeySource::Rotating(keys) => keys.refresh_if_stale(now).await,
            KeySource::Shared(_) => {}
        }
    }

    /// Returns the public keys, as a JWK set (RFC 7517).
    pub(crate) async fn jwks(&self, now: Timestamp) -> serde_json::Value {
        self.refresh_if_stale(now).await;
        match &self.signers {
            KeySource::Rotating(keys) => keys.jwks(now),
            KeySource::Shared(_) => serde_json::json!({ "keys": [] }),
        }
    }

    /// A token for the session, and when it expires, to the whole second: with the session at the
    /// latest.
    pub(super) fn sign(
        &self,
        session: &sessions::Model,
        jti: uuid::Uuid,
        now: Timestamp,
    ) -> Result<(String, Timestamp)> {
        let expires = session
            .ends_at()
            .min(now.plus(lifetimes::ACCESS_TOKEN))
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
            client_id: CLIENT.to_owned(),
            nbf: None,
        };
        let signer = match &self.signers {
            KeySource::Rotating(keys) => keys.signing(now).ok_or_else(no_key)?,
            KeySource::Shared(signer) => Arc::clone(signer),
        };
        let token = signer.sign(&claims)?;
        Ok((token, Timestamp::from_millis(expires * 1000)))
    }

    /// Reads a token that this server signed for itself, expired or not.
    ///
    /// Times are checked against the given moment, without leeway, and not by the library, which
    /// reads the system's clock.
    ///
    /// # Errors
    /// When the token names a key that is not known and the database cannot be asked for it.
    pub(super) async fn verify(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<std::result::Result<SessionRef, Reason>> {
        if token.len() > MAX_TOKEN_BYTES {
            return Ok(Err(Reason::TokenInvalid));
        }
        // The key is asked for each time: what it signed is forgotten with it.
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
            .ok_or(Reason::TokenInvalid))
    }

    /// What a token says whose signature and claims are good, looked up by the hash of all of it.
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
            && claims.client_id == CLIENT
            && claims.iat >= 0
            && (0..=lifetimes::ANY_ACCESS_TOKEN.as_secs().cast_signed()).contains(&life);
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
    Error::internal(std::io::Error::other("there is no key to sign with"))
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
            exp: NOW.plus(lifetimes::ACCESS_TOKEN).as_seconds(),
            jti: String::new(),
            client_id: CLIENT.to_owned(),
            nbf: None,
        }
    }

    async fn verified(
        tokens: &Tokens,
        token: &str,
        now: Timestamp,
    ) -> std::result::Result<SessionRef, Reason> {
        tokens.verify(token, now).await.unwrap()
    }

    #[tokio::test]
    async fn a_good_token_is_remembered_until_it_expires() {
        let tokens = tokens();
        let token = Signer::hs256(&[7; 32]).sign(&claims()).unwrap();
        let verify = async |now| verified(&tokens, &token, now).await.unwrap().has_expired;
        assert!(!verify(NOW).await);
        assert_eq!(tokens.verified.len(), 1);
        assert!(!verify(NOW).await);
        assert_eq!(tokens.verified.len(), 1);
        assert!(verify(NOW.plus(lifetimes::ACCESS_TOKEN)).await);
        assert_eq!(tokens.verified.len(), 0);
        assert!(verify(NOW.plus(lifetimes::ACCESS_TOKEN)).await);
        assert_eq!(tokens.verified.len(), 0);
    }

    #[tokio::test]
    async fn a_remembered_token_is_as_early_as_it_was() {
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
    async fn a_bad_token_is_not_remembered() {
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
    fn what_is_remembered_is_bounded() {
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
