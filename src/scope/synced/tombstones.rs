//! The row that a deleted row of a synced entity leaves: its number in the change log, and its id, which is never used
//! again.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::SessionId,
    scope::owner::{Logged, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tombstones")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    /// The kind of the deleted row, as its id says outside.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i32,
    /// The number of the deletion in the owner's change log.
    pub seq: i64,
    /// The session that deleted the row.
    pub origin_session_id: Option<SessionId>,
    pub deleted_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;

    type Writes = Logged;
}
