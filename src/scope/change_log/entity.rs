//! Defines the table of change logs: the number of each user's last change, and the number of their
//! tasks.

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
    /// The number of the last change; 0 before the first.
    pub seq: i64,
    /// The number of the user's rows in `tasks`.
    pub task_count: i64,
    /// The session that changed the user's time zone, while floating due times still have to be
    /// rescheduled; otherwise null.
    pub moving_session_id: Option<SessionId>,
    /// The last task that has been rescheduled or skipped; null before the first.
    pub moving_after: Option<TaskId>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
