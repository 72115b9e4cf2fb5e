//! The table `tasks`: the entity of a task and its owner.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::{SessionId, TaskId},
    scope::{KeyedByOwner, Logged, Owned, Owner},
};

use super::priority::Priority;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
    pub version: i32,
    /// The change number of the last change.
    pub seq: i64,
    /// The session that made the last change.
    pub origin_session_id: Option<SessionId>,
    pub title: String,
    /// The title with its case folded, for comparisons that ignore case.
    pub title_folded: String,
    pub completed_at: Option<Timestamp>,
    pub priority: Priority,
    pub due_date: Option<String>,
    pub due_time: Option<String>,
    pub due_time_zone: Option<String>,
    pub due_at: Option<Timestamp>,
    /// `due_at`; without a due date, a time later than every date.
    pub due_sort: Timestamp,
    /// A fractional index, compared by its bytes.
    pub position: String,
    pub updated_at: Timestamp,
    pub description: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;
    const DEPENDS_ON_TIME_ZONE: bool = true;

    type Writes = Logged;
}

impl KeyedByOwner for Entity {
    const KEY: Column = Column::Id;
}
