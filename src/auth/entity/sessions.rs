//! The row of a session, which decides: a token only names it.

use sea_orm::entity::prelude::*;

use crate::{
    auth::{
        delivery::Delivery,
        owned::{Owned, Owner},
    },
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
    pub delivery: Delivery,
    pub label: Option<String>,
    pub user_agent: Option<String>,
    pub ip_address: Option<String>,
    pub created_at: Timestamp,
    pub last_active_at: Timestamp,
    pub idle_expires_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;
    const ENDS_SESSIONS: bool = true;
}

impl Model {
    /// Whether it was not ended, has not been idle too long and has not reached its end.
    pub(in crate::auth) fn lives_at(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.ends_at()
    }

    /// When it ends unless it is used.
    pub(in crate::auth) fn ends_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }
}
