//! The row of a task that was deleted, as far as clearing reads it; the rest is the tasks'.

use sea_orm::entity::prelude::*;

use crate::{clock::Timestamp, id::TaskId, scope::Owner};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deleted_tasks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
    pub deleted_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
