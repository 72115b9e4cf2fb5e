//! The signing keys: creates, publishes, rotates and retires them in the database, which all
//! instances share.

mod error;
mod key_encryption;
mod key_ring;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde_json::Value;

pub use self::error::KeysError;
use self::key_ring::KeyRing;
use super::signer::Signer;
use crate::{
    clock::{Clock, Timestamp},
    config::PublishPeriod,
    crypto::secret::{Secret, Secrets},
    db::Database,
    error::{Error, Result},
    identity::{
        entity::signing_keys,
        lifetimes,
        unscoped::{self, PreviousKeys},
    },
    scope::Set,
};

/// The age from which the cached keys are read again. A new key is published for far longer than
/// this before it signs.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// The age up to which the cached keys are used while another request reads them. A request that
/// finds them older waits for the read.
const MAX_STALE: Duration = Duration::from_mins(1);

/// The minimum age of the cached keys before a token with an unknown key causes another read.
const UNKNOWN_KEY_COOLDOWN: Duration = Duration::from_secs(1);

/// The maximum duration of a read. After it the cached keys stay in use.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// The time that a key stays valid after its last token expires, since clocks differ and instances
/// read the keys at different times.
const KEY_EXPIRY_MARGIN: Duration = Duration::from_mins(5);

/// The signing keys in the database, with a cache of the decrypted ones.
pub struct Keys {
    database: Database,
    secrets: Arc<Secrets>,
    clock: Clock,
    known: RwLock<CachedKeyRing>,
    /// Serializes reads.
    reading: tokio::sync::Mutex<()>,
}

struct CachedKeyRing {
    ring: Arc<KeyRing>,
    /// The time of the last read, successful or not.
    at: Timestamp,
    /// True if the last read succeeded.
    is_current: bool,
}

/// The state of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, but does not sign yet.
    Next,
    /// Signs new tokens.
    Current,
    /// Signs no new tokens. Published until its last token has expired.
    Retiring,
    /// Neither published nor accepted; the next rotation removes it.
    Expired,
}

/// A signing key in the list that an operator sees.
pub struct ListedKey {
    pub id: String,
    pub algorithm: String,
    pub state: KeyState,
    /// True if an accepted secret decrypts it.
    pub is_decryptable: bool,
    pub created_at: Timestamp,
    pub active_from: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// The time at which a new key starts to sign.
#[derive(Clone, Copy, Debug)]
pub enum Rotation {
    /// After a period in which verifiers can fetch the new key. Previous keys stay valid until
    /// their last tokens have expired.
    After(PublishPeriod),
    /// At once. All previous keys are deleted, which invalidates their tokens.
    Now,
}

impl Keys {
    /// Creates an empty cache. Reads nothing yet.
    pub fn new(database: Database, secrets: Arc<Secrets>, clock: Clock) -> Self {
        Self {
            known: RwLock::new(CachedKeyRing {
                ring: Arc::default(),
                at: clock.now(),
                is_current: false,
            }),
            database,
            secrets,
            clock,
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Reads the keys. If the table is empty, creates the first one. Re-encrypts the keys that were
    /// not encrypted with the current secret.
    ///
    /// # Errors
    /// If the database is unavailable, or a key cannot be decrypted.
    pub async fn open(self) -> std::result::Result<Self, KeysError> {
        let now = self.clock.now();
        let mut rows = self.unexpired(now).await?;
        if rows.is_empty() {
            // If another instance creates the first key at the same time, both use the one stored
            // first.
            if self.create_first_keys(now).await? {
                tracing::info!("created the first signing key");
            }
            rows = self.unexpired(now).await?;
        }
        self.reencrypt(&rows).await?;
        let ring = KeyRing::of(&rows, &KeyRing::default(), &self.secrets);
        if let Some(id) = ring.sealed.first() {
            return Err(KeysError::Undecryptable(id.clone()));
        }
        self.know(Some(Arc::new(ring)), now);
        Ok(self)
    }

    /// Returns the key that signs now.
    pub(super) fn signing(&self, now: Timestamp) -> Option<Arc<Signer>> {
        self.ring().signing(now)
    }

    /// Returns the key that the token names. Reads the database if the key is not cached.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the key is not cached and the database is unavailable.
    pub(super) async fn named_by(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Signer>>> {
        if let Some(key) = self.ring().named_by(token, now) {
            return Ok(Some(key));
        }
        self.read(now, UNKNOWN_KEY_COOLDOWN).await;
        match self.ring().named_by(token, now) {
            None if !self.is_current() => Err(Error::Unavailable),
            key => Ok(key),
        }
    }

    /// Returns the public keys as a JWK set (RFC 7517).
    pub(super) fn jwks(&self, now: Timestamp) -> Value {
        self.ring().jwks(now)
    }

    /// Reads the keys again if the cached ones are stale, since another process may have rotated
    /// them.
    pub(super) async fn refresh_if_stale(&self, now: Timestamp) {
        if self.is_younger_than(now, REFRESH_INTERVAL) {
            return;
        }
        let is_being_read = self.reading.try_lock().is_err();
        if !(is_being_read && self.is_younger_than(now, MAX_STALE)) {
            self.read(now, REFRESH_INTERVAL).await;
        }
    }

    /// Returns all keys, oldest first.
    ///
    /// # Errors
    /// If the database is unavailable, or has not been migrated.
    pub async fn list(&self) -> std::result::Result<Vec<ListedKey>, KeysError> {
        let rows = unscoped::signing_keys(&self.database).await?;
        let states = key_ring::states(&rows, self.clock.now());
        let listed = rows.into_iter().zip(states).map(|(row, state)| ListedKey {
            is_decryptable: key_ring::open(&row, &self.secrets).is_some(),
            id: row.id,
            algorithm: row.algorithm,
            state,
            created_at: row.created_at,
            active_from: row.active_from,
            expires_at: row.expires_at,
        });
        Ok(listed.collect())
    }

    /// Creates a new signing key. Running instances read it within seconds.
    ///
    /// # Errors
    /// If a rotation is in progress, a key cannot be decrypted, or the database is unavailable.
    pub async fn rotate(&self, rotation: Rotation) -> std::result::Result<(), KeysError> {
        let now = self.clock.now();
        let rows = unscoped::signing_keys(&self.database).await?;
        let (active_from, before) = match rotation {
            Rotation::Now => (now, PreviousKeys::Delete),
            Rotation::After(lead) => {
                // If this process cannot decrypt a key, the running instances have another secret
                // and could not decrypt the new key.
                let sealed = |row: &&signing_keys::Model| {
                    row.is_active_at(now) && key_ring::open(row, &self.secrets).is_none()
                };
                if let Some(row) = rows.iter().find(sealed) {
                    return Err(KeysError::Undecryptable(row.id.clone()));
                }
                if let Some(row) = rows.iter().find(|row| row.active_from > now) {
                    return Err(KeysError::RotationInProgress(
                        row.id.clone(),
                        row.active_from,
                    ));
                }
                if rows.is_empty() {
                    let is_first = self.create_first_keys(now).await?;
                    return is_first.then_some(()).ok_or(KeysError::ConcurrentRotation);
                }
                let active_from = now.plus(lead.duration());
                let end = tokens_expire_at(active_from, lifetimes::ACCESS_TOKEN_LIFETIME);
                (active_from, PreviousKeys::ExpireAt(end))
            }
        };
        let number = rows.last().map_or(1, |row| row.number + 1);
        let key = self.row(&random(), number, now, active_from);
        let is_done = unscoped::add_signing_keys(&self.database, vec![key], before, now).await?;
        is_done.then_some(()).ok_or(KeysError::ConcurrentRotation)
    }

    /// Closes the database connections.
    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn unexpired(&self, now: Timestamp) -> Result<Vec<signing_keys::Model>> {
        let mut rows = unscoped::signing_keys(&self.database).await?;
        rows.retain(|row| row.is_active_at(now));
        Ok(rows)
    }

    /// Stores the first keys. Returns false if another process did so at the same time.
    ///
    /// Earlier releases signed with a key derived from the secret. If there are sessions, clients
    /// may have tokens of that key: it is stored as the current key, and the new key is published
    /// before it signs.
    async fn create_first_keys(&self, now: Timestamp) -> Result<bool> {
        let mut keys = Vec::new();
        let mut active_from = now;
        if unscoped::has_sessions(&self.database).await? {
            active_from = now.plus(PublishPeriod::default().duration());
            let end = tokens_expire_at(active_from, lifetimes::MAX_ACCESS_TOKEN_LIFETIME);
            let mut secrets: Vec<&Secret> = self.secrets.each().collect();
            secrets.reverse();
            for (number, secret) in (1..).zip(secrets) {
                let seed = secret.derive("access-token ed25519 seed");
                keys.push(signing_keys::ActiveModel {
                    expires_at: Set(Some(end)),
                    ..self.row(&seed, number, now, now)
                });
            }
        }
        let number = keys.len().try_into().unwrap_or(i32::MAX).saturating_add(1);
        keys.push(self.row(&random(), number, now, active_from));
        unscoped::add_signing_keys(&self.database, keys, PreviousKeys::Keep, now).await
    }

    fn row(
        &self,
        seed: &key_encryption::Seed,
        number: i32,
        now: Timestamp,
        active_from: Timestamp,
    ) -> signing_keys::ActiveModel {
        let signer = Signer::ed25519(seed);
        let sealed = key_encryption::encrypt(seed, signer.id(), &self.secrets);
        signing_keys::ActiveModel {
            id: Set(signer.id().to_owned()),
            number: Set(number),
            algorithm: Set("EdDSA".to_owned()),
            sealed_private_key: Set(sealed),
            created_at: Set(now),
            active_from: Set(active_from),
            expires_at: Set(None),
        }
    }

    /// Re-encrypts the keys that were not encrypted with the current secret. Runs only at startup:
    /// instances with the same secrets in another order would otherwise re-encrypt each other's
    /// keys for as long as both run.
    async fn reencrypt(&self, rows: &[signing_keys::Model]) -> Result<()> {
        for row in rows {
            if let Some((_, opened)) = key_ring::open(row, &self.secrets)
                && !opened.is_by_current_secret
            {
                let sealed = key_encryption::encrypt(&opened.seed, &row.id, &self.secrets);
                unscoped::reencrypt_signing_key(&self.database, &row.id, sealed).await?;
                tracing::info!(
                    key.id = row.id,
                    "re-encrypted a signing key with the current secret"
                );
            }
        }
        Ok(())
    }

    /// Reads the keys if the cached ones are at least this old. Concurrent callers wait for the
    /// same read. If the database is unavailable, the cached keys stay in use.
    async fn read(&self, now: Timestamp, age: Duration) {
        if self.is_younger_than(now, age) {
            return;
        }
        let _reading = self.reading.lock().await;
        if self.is_younger_than(now, age) {
            return;
        }
        let before = self.ring();
        let ring = match tokio::time::timeout(READ_TIMEOUT, self.unexpired(now)).await {
            Ok(Ok(rows)) => {
                Some(self.next_ring(&before, KeyRing::of(&rows, &before, &self.secrets)))
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("cannot read the signing keys; using the cached ones");
                None
            }
        };
        self.know(ring, now);
    }

    /// Returns the ring that was read, or the previous one if no key could be read.
    fn next_ring(&self, before: &Arc<KeyRing>, read: KeyRing) -> Arc<KeyRing> {
        for id in read.sealed.iter().filter(|id| !before.sealed.contains(id)) {
            tracing::error!(
                key.id = id,
                "a signing key is encrypted with a secret that is not set here, so this instance \
                 rejects its tokens; set CUBBY_SECRET and CUBBY_SECRET_2 alike on all instances"
            );
        }
        if read.is_empty() {
            tracing::error!("the database has no usable signing key; using the cached ones");
            return Arc::clone(before);
        }
        if !read.names().eq(before.names()) {
            tracing::info!("the signing keys have changed");
        }
        Arc::new(read)
    }

    fn ring(&self) -> Arc<KeyRing> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known.ring)
    }

    /// True if the last read succeeded.
    fn is_current(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.is_current
    }

    /// Records a read. Without a ring the read failed, and the previous ring stays.
    fn know(&self, ring: Option<Arc<KeyRing>>, at: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.at = at;
        known.is_current = ring.is_some();
        if let Some(ring) = ring {
            known.ring = ring;
        }
    }

    /// True if the last read is less than `age` away from `now`, in either direction: after the
    /// clock was set back, the cached keys count as stale.
    fn is_younger_than(&self, now: Timestamp, age: Duration) -> bool {
        let at = self.known.read().unwrap_or_else(PoisonError::into_inner).at;
        now.since(at) < age && at.since(now) < age
    }
}

/// Returns the time at which all tokens have expired that were signed before the successor took
/// over.
fn tokens_expire_at(successor_from: Timestamp, life: Duration) -> Timestamp {
    successor_from.plus(life).plus(KEY_EXPIRY_MARGIN)
}

fn random() -> key_encryption::Seed {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).expect("the system has randomness");
    seed
}
