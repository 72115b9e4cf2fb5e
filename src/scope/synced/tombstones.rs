//! Defines the table of tombstones: each records the change number and the id of a deleted synced
//! row.

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
    /// The kind of the deleted row: the prefix of its public id.
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
