//! The row of a key that access tokens are signed with: nobody's, and of no use without the secret.

use sea_orm::entity::prelude::*;

use crate::clock::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    /// The `kid` of its tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Counts the rotations. The key with the highest number that is active signs.
    pub number: i32,
    pub algorithm: String,
    pub sealed_private_key: Vec<u8>,
    pub created_at: Timestamp,
    pub active_from: Timestamp,
    /// When its last token has ended; nothing while no other key is to take its place.
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether its last token may still be on its way.
    pub(in crate::identity) fn is_active_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
