//! The keys that an identity provider publishes: kept, and asked for again when one is missing, but not
//! as often as somebody makes up a key's name.

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

/// How old what is cached may get before it is asked for again, beside what goes on.
const TTL: Duration = Duration::from_mins(10);

/// How old it may get while the provider cannot be asked.
const MAX_STALE: Duration = Duration::from_hours(24);

/// How long it is not asked again after it was.
const COOLDOWN: Duration = Duration::from_secs(30);

/// The same while nothing is cached, and after asking in vain.
const ERROR_COOLDOWN: Duration = Duration::from_secs(5);

/// How many requests wait for an answer at once; others are told to come back.
const MAX_WAITING_REQUESTS: usize = 32;

/// How many keys of a set are looked at.
const MAX_KEYS: usize = 100;

/// The provider cannot be asked for its keys, and what is cached of them is too old to go by.
pub(super) struct KeysUnavailable;

pub(super) struct JwksCache {
    issuer: String,
    algorithm: Algorithm,
    fetcher: JwksFetcher,
    cached: RwLock<CachedJwks>,
    /// Held by whoever asks.
    turn: Mutex<()>,
    waiting: Semaphore,
}

#[derive(Clone, Default)]
struct CachedJwks {
    keys: Arc<HashMap<String, DecodingKey>>,
    /// What the set was read from, so that the same again is cached as such.
    text: Arc<Vec<u8>>,
    /// How often it has changed.
    version: u64,
    fetched_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
}

impl CachedJwks {
    fn is_within(&self, age: Duration, now: Timestamp) -> bool {
        self.fetched_at.is_some_and(|at| now.since(at) < age)
    }

    fn was_just_asked(&self, now: Timestamp) -> bool {
        let pause = if self.asked_at <= self.fetched_at {
            COOLDOWN
        } else {
            ERROR_COOLDOWN
        };
        self.asked_at.is_some_and(|at| now.since(at) < pause)
    }

    /// The key of this name; where tokens name none, the only one.
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

    /// How often what is cached has changed; nothing where too little is cached to go by. What is no longer
    /// fresh is asked for, and nobody waits.
    pub(super) fn keep_up(self: &Arc<Self>, now: Timestamp) -> Option<u64> {
        let cached = self.cached();
        if cached.fetched_at.is_some() && !cached.is_within(TTL, now) && !cached.was_just_asked(now)
        {
            let keys = Arc::clone(self);
            tokio::spawn(async move { keys.ask(now).await });
        }
        cached.is_within(MAX_STALE, now).then_some(cached.version)
    }

    /// The key of this name; nothing when the provider has none.
    ///
    /// # Errors
    /// When the provider cannot be asked.
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
        // A request has a place while it waits, and others want theirs.
        let place = self.waiting.try_acquire();
        let _place = place.map_err(|_| KeysUnavailable)?;
        self.ask(now).await;
        let cached = self.cached();
        if cached.is_within(MAX_STALE, now) && cached.asked_at <= cached.fetched_at {
            Ok(cached.key(kid))
        } else {
            Err(KeysUnavailable)
        }
    }

    /// Asks, unless somebody has just asked.
    async fn ask(&self, now: Timestamp) {
        let _turn = self.turn.lock().await;
        if self.cached().was_just_asked(now) {
            return;
        }
        self.write().asked_at = Some(now);
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
                tracing::warn!(issuer = self.issuer, error, "its keys cannot be had");
            }
        }
    }

    /// The keys of the set that sign with the algorithm. One that cannot be read is no reason to give up
    /// the others.
    fn read(&self, text: &[u8]) -> Result<HashMap<String, DecodingKey>, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }

        let set: Set = serde_json::from_slice(text)
            .map_err(|error| format!("what it answered is no JWK set: {error}"))?;
        let jwks = set.keys.into_iter().take(MAX_KEYS);
        let jwks = jwks.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let (mut keys, mut twice) = (HashMap::new(), Vec::new());
        for jwk in jwks.filter(|jwk| self.is_of_it(jwk)) {
            let Ok(key) = DecodingKey::from_jwk(&jwk) else {
                continue;
            };
            let name = jwk.common.key_id.unwrap_or_default();
            if keys.insert(name.clone(), key).is_some() {
                twice.push(name);
            }
        }
        // What is meant by a name that is there twice, nobody can tell.
        keys.retain(|name, _| !twice.contains(name));
        Ok(keys)
    }

    fn is_of_it(&self, jwk: &Jwk) -> bool {
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
