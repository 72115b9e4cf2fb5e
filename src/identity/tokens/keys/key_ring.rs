//! The keys as they were read from the database and opened.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    KeyState,
    key_encryption::{self, Opened},
};
use crate::{
    clock::Timestamp,
    crypto::secret::Secrets,
    identity::{entity::signing_keys, tokens::signer::Signer},
};

/// Every key whose last token has not ended, oldest first. Those that no secret opens are not among
/// them: a row that somebody put there is neither published nor believed.
#[derive(Default)]
pub(in crate::identity) struct KeyRing {
    keys: Vec<Key>,
    /// The names of those that did not open.
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
    /// Opens the rows. A key that was open before stays so, whatever has sealed it since.
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

    /// The key that signs. Where the clock of whoever made the first key goes ahead of ours, that
    /// key signs already.
    pub(in crate::identity) fn signing(&self, now: Timestamp) -> Option<Arc<Signer>> {
        let living = || self.keys.iter().filter(|key| key.is_active_at(now));
        let active = living().rfind(|key| key.active_from <= now);
        let signing = active.or_else(|| living().next())?;
        Some(Arc::clone(&signing.signer))
    }

    /// The key that the token names.
    pub(in crate::identity) fn named_by(&self, token: &str, now: Timestamp) -> Option<Arc<Signer>> {
        let key = self
            .keys
            .iter()
            .find(|key| key.is_active_at(now) && key.signer.is_named_by(token))?;
        Some(Arc::clone(&key.signer))
    }

    /// As a JWK set (RFC 7517), the newest key first.
    pub(in crate::identity) fn jwks(&self, now: Timestamp) -> Value {
        let living = self.keys.iter().rev().filter(|key| key.is_active_at(now));
        let keys: Vec<&Value> = living.filter_map(|key| key.signer.jwk()).collect();
        json!({ "keys": keys })
    }
}

/// The key of the row, and whether the secret in use sealed it.
pub(in crate::identity) fn open(
    row: &signing_keys::Model,
    secrets: &Secrets,
) -> Option<(Signer, Opened)> {
    let opened = key_encryption::open(&row.sealed_private_key, &row.id, secrets)?;
    let signer = Signer::ed25519(&opened.seed);
    (signer.id() == row.id).then_some((signer, opened))
}

/// What each row's key is for at the moment, the rows being ordered by their numbers.
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
