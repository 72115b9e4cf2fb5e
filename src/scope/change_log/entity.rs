//! The row that counts a user's committed task changes, and their tasks.

use sea_orm::entity::prelude::*;

use crate::{
    id::{SessionId, TaskId},
    scope::Owner,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "change_logs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    /// The number of the last change.
    pub seq: i64,
    /// The number of the person's rows in `tasks`.
    pub task_count: i64,
    /// The session that changed the person's time zone, while tasks have yet to follow.
    pub moving_session_id: Option<SessionId>,
    /// The last task that was looked at; nothing before the first.
    pub moving_after: Option<TaskId>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
