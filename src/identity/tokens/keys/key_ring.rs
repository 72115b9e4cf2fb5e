//! The decrypted signing keys, as one read of the database returned them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    KeyState,
    key_encryption::{self, DecryptedKey},
};
use crate::{
    clock::Timestamp,
    crypto::secret::Secrets,
    identity::{entity::signing_keys, tokens::signer::Signer},
};

/// The unexpired keys, oldest first. A key that no accepted secret decrypts is excluded, so that a
/// row that an attacker inserts is neither published nor accepted.
#[derive(Default)]
pub(in crate::identity) struct KeyRing {
    keys: Vec<Key>,
    /// The ids of the keys that could not be decrypted.
    pub(in crate::identity) sealed: Vec<String>,
}

struct Key {
    signer: Arc<Signer>,
    active_from: Timestamp,
    expires_at: Option<Timestamp>,
}

impl Key {
    fn is_active_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl KeyRing {
    /// Decrypts the rows. A key that `before` has stays usable, even if its row has since been
    /// encrypted with a secret that is not set here.
    pub(in crate::identity) fn of(
        rows: &[signing_keys::Model],
        before: &Self,
        secrets: &Secrets,
    ) -> Self {
        let mut ring = Self::default();
        for row in rows {
            let known = before.keys.iter().find(|key| key.signer.id() == row.id);
            let signer = match known {
                Some(key) => Some(Arc::clone(&key.signer)),
                None => open(row, secrets).map(|(signer, _)| Arc::new(signer)),
            };
            match signer {
                Some(signer) => ring.keys.push(Key {
                    signer,
                    active_from: row.active_from,
                    expires_at: row.expires_at,
                }),
                None => ring.sealed.push(row.id.clone()),
            }
        }
        ring
    }

    pub(in crate::identity) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(in crate::identity) fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.signer.id())
    }

    /// Returns the key that signs now: the newest active one. If none is active yet, since the
    /// clock of the instance that created the first key is ahead of ours, returns the oldest key.
    pub(in crate::identity) fn signing(&self, now: Timestamp) -> Option<Arc<Signer>> {
        let unexpired = || self.keys.iter().filter(|key| key.is_active_at(now));
        let active = unexpired().rfind(|key| key.active_from <= now);
        let signing = active.or_else(|| unexpired().next())?;
        Some(Arc::clone(&signing.signer))
    }

    /// Returns the unexpired key that the token names.
    pub(in crate::identity) fn named_by(&self, token: &str, now: Timestamp) -> Option<Arc<Signer>> {
        let key = self
            .keys
            .iter()
            .find(|key| key.is_active_at(now) && key.signer.has_header_of(token))?;
        Some(Arc::clone(&key.signer))
    }

    /// Returns the public keys as a JWK set (RFC 7517), newest first.
    pub(in crate::identity) fn jwks(&self, now: Timestamp) -> Value {
        let unexpired = self.keys.iter().rev().filter(|key| key.is_active_at(now));
        let keys: Vec<&Value> = unexpired.filter_map(|key| key.signer.jwk()).collect();
        json!({ "keys": keys })
    }
}

/// Decrypts the key of a row. Returns nothing if no accepted secret decrypts it, or if the row's id
/// is not its thumbprint.
pub(in crate::identity) fn open(
    row: &signing_keys::Model,
    secrets: &Secrets,
) -> Option<(Signer, DecryptedKey)> {
    let opened = key_encryption::open(&row.sealed_private_key, &row.id, secrets)?;
    let signer = Signer::ed25519(&opened.seed);
    (signer.id() == row.id).then_some((signer, opened))
}

/// Returns the state of each row's key at `now`. The rows must be in the order of their numbers.
pub(in crate::identity) fn states(rows: &[signing_keys::Model], now: Timestamp) -> Vec<KeyState> {
    let active = |row: &signing_keys::Model| row.active_from <= now;
    let current = rows.iter().rposition(active).unwrap_or(0);
    let state = |(at, row): (usize, &signing_keys::Model)| match at {
        _ if !row.is_active_at(now) => KeyState::Expired,
        _ if at > current => KeyState::Next,
        _ if at == current => KeyState::Current,
        _ => KeyState::Retiring,
    };
    rows.iter().enumerate().map(state).collect()
}
