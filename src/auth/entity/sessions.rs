//! The row of a session, which decides: a token only names it.

use sea_orm::entity::prelude::*;

use crate::{
    auth::owned::{Owned, Owner},
    clock::Timestamp,
    id::SessionId,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub user_id: Owner,
    pub generation: i32,
    pub rotated_at: Timestamp,
    pub confirmed_generation: i32,
    pub delivery: String,
    pub label: Option<String>,
    pub user_agent: Option<String>,
    pub ip_address: Option<String>,
    pub created_at: Timestamp,
    pub last_active_at: Timestamp,
    pub idle_expires_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;
}

impl Model {
    /// Whether it has neither been idle too long nor reached its end.
    pub(in crate::auth) fn lives_at(&self, now: Timestamp) -> bool {
        now < self.idle_expires_at && now < self.expires_at
    }
}
