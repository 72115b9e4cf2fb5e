//! The row of a key that signs access tokens. The private key is encrypted with a key derived from
//! the secret.

use sea_orm::entity::prelude::*;

use crate::clock::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    /// The `kid` of the tokens that the key signs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Counts the rotations. Of the keys that may sign, the one with the highest number does.
    pub number: i32,
    pub algorithm: String,
    pub sealed_private_key: Vec<u8>,
    pub created_at: Timestamp,
    pub active_from: Timestamp,
    /// The time at which the key's last token has expired; `None` until the key is replaced.
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// True if a token of this key may still be valid, so that the key must stay published.
    pub(in crate::identity) fn is_active_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
