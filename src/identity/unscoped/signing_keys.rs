//! Reads and stores the signing keys of access tokens, which belong to the server and not to a
//! user.

use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
};

use super::unless_taken;
use crate::{
    clock::Timestamp,
    db::{Database, End, Transaction},
    error::Result,
    identity::entity::{sessions, signing_keys},
};

/// The change to the older keys when a new key is stored.
pub(in crate::identity) enum PreviousKeys {
    Keep,
    /// Sets the expiry of each key without one.
    ExpireAt(Timestamp),
    Delete,
}

/// True if a session is stored.
pub(in crate::identity) async fn has_sessions(database: &Database) -> Result<bool> {
    let any = sessions::Entity::find().one(database.reads()).await?;
    Ok(any.is_some())
}

/// Returns the signing keys, oldest first, with encrypted private keys.
pub(in crate::identity) async fn signing_keys(
    database: &Database,
) -> Result<Vec<signing_keys::Model>> {
    Ok(signing_keys::Entity::find()
        .order_by_asc(signing_keys::Column::Number)
        .all(database.reads())
        .await?)
}

/// Stores new keys, and applies `before` to the older ones. Returns false if another instance has
/// taken the numbers of the keys.
pub(in crate::identity) async fn add_signing_keys(
    database: &Database,
    keys: Vec<signing_keys::ActiveModel>,
    before: PreviousKeys,
    now: Timestamp,
) -> Result<bool> {
    let (keys, before) = (&keys, &before);
    let replace = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let expired = signing_keys::Column::ExpiresAt.lte(now);
        let gone = match before {
            PreviousKeys::Delete => signing_keys::Entity::delete_many(),
            PreviousKeys::Keep | PreviousKeys::ExpireAt(_) => {
                signing_keys::Entity::delete_many().filter(expired)
            }
        };
        gone.exec(transaction).await?;
        if let PreviousKeys::ExpireAt(end) = before {
            let ending = signing_keys::ActiveModel {
                expires_at: Set(Some(*end)),
                ..Default::default()
            };
            signing_keys::Entity::update_many()
                .set(ending)
                .filter(signing_keys::Column::ExpiresAt.is_null())
                .exec(transaction)
                .await?;
        }
        for key in keys {
            if let Err(error) = key.clone().insert(transaction).await {
                return unless_taken(error, false);
            }
        }
        Ok(End::Commit(true))
    };
    database.transaction(replace).await
}

/// Stores the private key of a signing key, encrypted with another secret.
pub(in crate::identity) async fn reencrypt_signing_key(
    database: &Database,
    id: &str,
    sealed_private_key: Vec<u8>,
) -> Result<()> {
    let sealed = signing_keys::ActiveModel {
        sealed_private_key: Set(sealed_private_key),
        ..Default::default()
    };
    let update = signing_keys::Entity::update_many()
        .set(sealed)
        .filter(signing_keys::Column::Id.eq(id));
    let update = &update;
    let write = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        update.clone().exec(transaction).await?;
        Ok(End::Commit(()))
    };
    database.transaction(write).await
}
