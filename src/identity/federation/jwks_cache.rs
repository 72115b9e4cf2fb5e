//! A cache of an external provider's public keys: fetches them when they are stale or a `kid` is
//! unknown. A cooldown prevents tokens with invented `kid`s from flooding the provider.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use tokio::sync::{Mutex, Semaphore};

use super::jwks_fetcher::JwksFetcher;
use crate::clock::Timestamp;

/// The age of the cached keys from which a fetch in the background starts.
const TTL: Duration = Duration::from_mins(10);

/// The maximum age of the cached keys while fetches fail.
const MAX_STALE: Duration = Duration::from_hours(24);

/// The minimum time between a successful fetch and the next one.
const COOLDOWN: Duration = Duration::from_secs(30);

/// The minimum time between a failed fetch and the next one.
const ERROR_COOLDOWN: Duration = Duration::from_secs(5);

/// The maximum number of requests that wait for a fetch. Further ones fail with
/// [`KeysUnavailable`].
const MAX_WAITING_REQUESTS: usize = 32;

/// The maximum number of keys that are read from a JWK set.
const MAX_KEYS: usize = 100;

/// The provider's keys cannot be fetched, and the cached ones are too old or lack the key.
pub(super) struct KeysUnavailable;

pub(super) struct JwksCache {
    issuer: String,
    algorithm: Algorithm,
    fetcher: JwksFetcher,
    cached: RwLock<CachedJwks>,
    /// Serializes fetches.
    turn: Mutex<()>,
    waiting: Semaphore,
}

#[derive(Clone, Default)]
struct CachedJwks {
    keys: Arc<HashMap<String, DecodingKey>>,
    /// The response with the keys. An identical response does not change the version.
    text: Arc<Vec<u8>>,
    /// The number of changes of the keys.
    version: u64,
    fetched_at: Option<Timestamp>,
    attempted_at: Option<Timestamp>,
}

impl CachedJwks {
    fn is_within(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|at| now.since(at) < age)
    }

    fn is_cooling_down(&self, now: Timestamp) -> bool {
        let pause = if self.attempted_at <= self.fetched_at {
            COOLDOWN
        } else {
            ERROR_COOLDOWN
        };
        self.attempted_at.is_some_and(|at| now.since(at) < pause)
    }

    /// Returns the key with this `kid`. Without a `kid`, returns the only key, if there is one.
    fn key(&self, kid: Option<&str>) -> Option<DecodingKey> {
        match kid {
            Some(kid) => self.keys.get(kid).cloned(),
            None if self.keys.len() == 1 => self.keys.values().next().cloned(),
            None => None,
        }
    }
}

impl JwksCache {
    pub(super) fn new(issuer: String, algorithm: Algorithm, fetcher: JwksFetcher) -> Arc<Self> {
        Arc::new(Self {
            issuer,
            algorithm,
            fetcher,
            cached: RwLock::default(),
            turn: Mutex::default(),
            waiting: Semaphore::new(MAX_WAITING_REQUESTS),
        })
    }

    /// Returns the version of the cached keys, or nothing if they are missing or too old to use. If
    /// they are stale, starts a fetch in the background.
    pub(super) fn refresh_if_stale(self: &Arc<Self>, now: Timestamp) -> Option<u64> {
        let cached = self.cached();
        if cached.fetched_at.is_some()
            && !cached.is_within(TTL, now)
            && !cached.is_cooling_down(now)
        {
            let keys = Arc::clone(self);
            tokio::spawn(async move { keys.fetch(now).await });
        }
        cached.is_within(MAX_STALE, now).then_some(cached.version)
    }

    /// Returns the key with this `kid`, or nothing if the provider has none. Fetches the keys if it
    /// is not cached.
    ///
    /// # Errors
    /// If the keys cannot be fetched, or too many requests wait for a fetch.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<DecodingKey>, KeysUnavailable> {
        let cached = self.cached();
        if cached.is_within(MAX_STALE, now)
            && let Some(key) = cached.key(kid)
        {
            return Ok(Some(key));
        }
        // A waiting request takes up capacity that other requests need.
        let place = self.waiting.try_acquire();
        let _place = place.map_err(|_| KeysUnavailable)?;
        self.fetch(now).await;
        let cached = self.cached();
        if cached.is_within(MAX_STALE, now) && cached.attempted_at <= cached.fetched_at {
            Ok(cached.key(kid))
        } else {
            Err(KeysUnavailable)
        }
    }

    /// Fetches the keys, unless the cooldown since the last fetch has not passed.
    async fn fetch(&self, now: Timestamp) {
        let _turn = self.turn.lock().await;
        if self.cached().is_cooling_down(now) {
            return;
        }
        self.write().attempted_at = Some(now);
        let fetched = self
            .fetcher
            .fetch()
            .await
            .map_err(|error| error.to_string());
        let read = fetched.and_then(|text| {
            if self.cached().fetched_at.is_some() && text == *self.cached().text {
                return Ok(None);
            }
            let keys = self.read(&text)?;
            Ok(Some((keys, text)))
        });
        match read {
            Ok(changed) => {
                let mut cached = self.write();
                cached.fetched_at = Some(now);
                if let Some((keys, text)) = changed {
                    cached.keys = Arc::new(keys);
                    cached.text = Arc::new(text);
                    cached.version += 1;
                }
            }
            Err(error) => {
                tracing::warn!(
                    issuer = self.issuer,
                    error,
                    "cannot fetch the keys of an external provider"
                );
            }
        }
    }

    /// Parses a JWK set. Returns the keys for the algorithm by `kid`, and skips those that are
    /// invalid.
    fn read(&self, text: &[u8]) -> Result<HashMap<String, DecodingKey>, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }

        let set: Set = serde_json::from_slice(text)
            .map_err(|error| format!("the response is not a JWK set: {error}"))?;
        let jwks = set.keys.into_iter().take(MAX_KEYS);
        let jwks = jwks.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let (mut keys, mut twice) = (HashMap::new(), Vec::new());
        for jwk in jwks.filter(|jwk| self.is_usable(jwk)) {
            let Ok(key) = DecodingKey::from_jwk(&jwk) else {
                continue;
            };
            let name = jwk.common.key_id.unwrap_or_default();
            if keys.insert(name.clone(), key).is_some() {
                twice.push(name);
            }
        }
        // A duplicate `kid` is ambiguous.
        keys.retain(|name, _| !twice.contains(name));
        Ok(keys)
    }

    fn is_usable(&self, jwk: &Jwk) -> bool {
        let common = &jwk.common;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let operations = common.key_operations.as_ref();
        let verifies = operations.is_none_or(|them| them.contains(&KeyOperations::Verify));
        signs
            && verifies
            && common
                .key_algorithm
                .is_none_or(|of| of == self.algorithm.into())
    }

    fn cached(&self) -> CachedJwks {
        let cached = self.cached.read();
        cached.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, CachedJwks> {
        self.cached.write().unwrap_or_else(PoisonError::into_inner)
    }
}
