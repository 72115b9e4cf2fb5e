//! The keys that access tokens are signed with: made, published, rotated and retired, in the
//! database, so that every instance has the same.

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
    config::Lead,
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

/// How old what is known of the keys may be: far less than a key is published before it signs.
const READ_EVERY: Duration = Duration::from_secs(10);

/// How old it may be while somebody reads it anew already.
const READ_AT_LEAST_EVERY: Duration = Duration::from_mins(1);

/// How old at least, for a token that names a key which is not known.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long the database may take; then what is known is used on.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// How long a key is kept beyond its last token: clocks differ, and so does when an instance reads.
const MARGIN: Duration = Duration::from_mins(5);

/// The signing keys of the database, opened and kept up with.
pub struct Keys {
    database: Database,
    secrets: Arc<Secrets>,
    clock: Clock,
    known: RwLock<Known>,
    /// Held by the one who reads.
    reading: tokio::sync::Mutex<()>,
}

struct Known {
    ring: Arc<KeyRing>,
    /// When it was last tried to read it.
    at: Timestamp,
    /// False after a reading that failed.
    is_current: bool,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published already, and will sign.
    Next,
    Current,
    /// Signs nothing any more, and is published until its last token has ended.
    Retiring,
    /// Neither published nor accepted; the next rotation removes it.
    Expired,
}

/// A key as an operator sees it.
pub struct ListedKey {
    pub id: String,
    pub algorithm: String,
    pub state: KeyState,
    /// Whether one of the secrets opens it.
    pub is_open: bool,
    pub created_at: Timestamp,
    pub active_from: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// When a new key takes its place.
#[derive(Clone, Copy, Debug)]
pub enum Rotation {
    /// Once everybody who verifies tokens has had the time to read it. The keys before it are kept
    /// until their last tokens have ended.
    After(Lead),
    /// Now, and every key before it is gone, with the tokens that it signed.
    Now,
}

impl Keys {
    /// Nothing is read yet.
    pub fn new(database: Database, secrets: Arc<Secrets>, clock: Clock) -> Self {
        Self {
            known: RwLock::new(Known {
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

    /// Reads the keys to sign with, making the first where there is none. Those that another secret
    /// than the first has sealed are sealed anew.
    ///
    /// # Errors
    /// When the database does not answer, or a key does not open.
    pub async fn open(self) -> std::result::Result<Self, KeysError> {
        let now = self.clock.now();
        let mut rows = self.living(now).await?;
        if rows.is_empty() {
            // Whoever comes second at the same moment uses the first one's.
            if self.make_first(now).await? {
                tracing::info!("a key to sign tokens with was made");
            }
            rows = self.living(now).await?;
        }
        self.seal_anew(&rows).await?;
        let ring = KeyRing::of(&rows, &KeyRing::default(), &self.secrets);
        if let Some(id) = ring.sealed.first() {
            return Err(KeysError::Sealed(id.clone()));
        }
        self.know(Some(Arc::new(ring)), now);
        Ok(self)
    }

    /// The key to sign with now.
    pub(super) fn signing(&self, now: Timestamp) -> Option<Arc<Signer>> {
        self.ring().signing(now)
    }

    /// The key that the token names; the database is asked for one that is not known.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the key is not known and the database could not be asked for it.
    pub(super) async fn named_by(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Signer>>> {
        if let Some(key) = self.ring().named_by(token, now) {
            return Ok(Some(key));
        }
        self.read(now, READ_AGAIN_AFTER).await;
        match self.ring().named_by(token, now) {
            None if !self.is_current() => Err(Error::Unavailable),
            key => Ok(key),
        }
    }

    /// What others verify with, as a JWK set.
    pub(super) fn jwks(&self, now: Timestamp) -> Value {
        self.ring().jwks(now)
    }

    /// Notices what other processes have done to the keys.
    pub(super) async fn refresh_if_stale(&self, now: Timestamp) {
        if self.is_younger(now, READ_EVERY) {
            return;
        }
        let is_being_read = self.reading.try_lock().is_err();
        if !(is_being_read && self.is_younger(now, READ_AT_LEAST_EVERY)) {
            self.read(now, READ_EVERY).await;
        }
    }

    /// Every key there is, oldest first.
    ///
    /// # Errors
    /// When the database does not answer, or has not been migrated.
    pub async fn list(&self) -> std::result::Result<Vec<ListedKey>, KeysError> {
        let rows = unscoped::signing_keys(&self.database).await?;
        let states = key_ring::states(&rows, self.clock.now());
        let listed = rows.into_iter().zip(states).map(|(row, state)| ListedKey {
            is_open: key_ring::open(&row, &self.secrets).is_some(),
            id: row.id,
            algorithm: row.algorithm,
            state,
            created_at: row.created_at,
            active_from: row.active_from,
            expires_at: row.expires_at,
        });
        Ok(listed.collect())
    }

    /// Makes a new key to sign with. The running instances notice it by themselves.
    ///
    /// # Errors
    /// When a rotation is under way already, a key does not open, or the database does not answer.
    pub async fn rotate(&self, rotation: Rotation) -> std::result::Result<(), KeysError> {
        let now = self.clock.now();
        let rows = unscoped::signing_keys(&self.database).await?;
        let (active_from, before) = match rotation {
            Rotation::Now => (now, PreviousKeys::Delete),
            Rotation::After(lead) => {
                // A key that the running instances cannot open would leave them without one.
                let sealed = |row: &&signing_keys::Model| {
                    row.is_active_at(now) && key_ring::open(row, &self.secrets).is_none()
                };
                if let Some(row) = rows.iter().find(sealed) {
                    return Err(KeysError::Sealed(row.id.clone()));
                }
                if let Some(row) = rows.iter().find(|row| row.active_from > now) {
                    return Err(KeysError::RotationInProgress(
                        row.id.clone(),
                        row.active_from,
                    ));
                }
                if rows.is_empty() {
                    let is_first = self.make_first(now).await?;
                    return is_first.then_some(()).ok_or(KeysError::ConcurrentRotation);
                }
                let active_from = now.plus(lead.duration());
                let end = end_of_tokens(active_from, lifetimes::ACCESS_TOKEN);
                (active_from, PreviousKeys::ExpireAt(end))
            }
        };
        let number = rows.last().map_or(1, |row| row.number + 1);
        let key = self.row(&random(), number, now, active_from);
        let is_done = unscoped::add_signing_keys(&self.database, vec![key], before, now).await?;
        is_done.then_some(()).ok_or(KeysError::ConcurrentRotation)
    }

    /// Closes the connections to the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    async fn living(&self, now: Timestamp) -> Result<Vec<signing_keys::Model>> {
        let mut rows = unscoped::signing_keys(&self.database).await?;
        rows.retain(|row| row.is_active_at(now));
        Ok(rows)
    }

    /// Stores the first keys, unless somebody else has. Earlier releases signed with a key that was
    /// derived from the secret: where anybody may have a token of one, that key goes on as if it
    /// had been here before, and the first one of its own is published before it signs.
    async fn make_first(&self, now: Timestamp) -> Result<bool> {
        let mut keys = Vec::new();
        let mut active_from = now;
        if unscoped::has_sessions(&self.database).await? {
            active_from = now.plus(Lead::default().duration());
            let end = end_of_tokens(active_from, lifetimes::ANY_ACCESS_TOKEN);
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
        let sealed = key_encryption::seal(seed, signer.id(), self.secrets.first());
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

    /// Only at the start: instances that know the same secrets in another order would otherwise
    /// seal each other's keys anew for as long as both run.
    async fn seal_anew(&self, rows: &[signing_keys::Model]) -> Result<()> {
        for row in rows {
            if let Some((_, opened)) = key_ring::open(row, &self.secrets)
                && !opened.by_first
            {
                let sealed = key_encryption::seal(&opened.seed, &row.id, self.secrets.first());
                unscoped::reseal_signing_key(&self.database, &row.id, sealed).await?;
                tracing::info!(
                    key.id = row.id,
                    "a signing key was sealed with the new secret"
                );
            }
        }
        Ok(())
    }

    /// Reads the keys again if what is known is as old as this. Whoever comes meanwhile waits; when
    /// the database is away, what is known is used on.
    async fn read(&self, now: Timestamp, age: Duration) {
        if self.is_younger(now, age) {
            return;
        }
        let _reading = self.reading.lock().await;
        if self.is_younger(now, age) {
            return;
        }
        let before = self.ring();
        let ring = match tokio::time::timeout(READ_WITHIN, self.living(now)).await {
            Ok(Ok(rows)) => {
                Some(self.what_follows(&before, KeyRing::of(&rows, &before, &self.secrets)))
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the signing keys could not be read; those that are known are used");
                None
            }
        };
        self.know(ring, now);
    }

    /// The ring that was read, unless it would leave nothing to sign with.
    fn what_follows(&self, before: &Arc<KeyRing>, read: KeyRing) -> Arc<KeyRing> {
        for id in read.sealed.iter().filter(|id| !before.sealed.contains(id)) {
            tracing::error!(
                key.id = id,
                "a signing key was sealed with a secret that is not set here, so that its tokens \
                 are refused here; set CUBBY_SECRET_2 beside CUBBY_SECRET, the same everywhere"
            );
        }
        if read.is_empty() {
            tracing::error!("there is no signing key; those that are known are used");
            return Arc::clone(before);
        }
        if !read.names().eq(before.names()) {
            tracing::info!("the signing keys are others than before");
        }
        Arc::new(read)
    }

    fn ring(&self) -> Arc<KeyRing> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&known.ring)
    }

    /// Whether the last reading succeeded.
    fn is_current(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.is_current
    }

    /// Notes a reading: without a ring it failed, and the one before stays.
    fn know(&self, ring: Option<Arc<KeyRing>>, at: Timestamp) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.at = at;
        known.is_current = ring.is_some();
        if let Some(ring) = ring {
            known.ring = ring;
        }
    }

    /// Whether what is known is younger than this; a clock that was put back makes it old.
    fn is_younger(&self, now: Timestamp, age: Duration) -> bool {
        let at = self.known.read().unwrap_or_else(PoisonError::into_inner).at;
        now.since(at) < age && at.since(now) < age
    }
}

/// When nobody can have a token any more that was signed until the successor took over.
fn end_of_tokens(successor_from: Timestamp, life: Duration) -> Timestamp {
    successor_from.plus(life).plus(MARGIN)
}

fn random() -> key_encryption::Seed {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).expect("the system has randomness");
    seed
}
