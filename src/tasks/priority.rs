//! Priorities of tasks, stored as numbers so that the database orders them.

use async_graphql::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

use crate::output;

/// The priority of a task. Priorities are ordered from `NONE`, the lowest, to `URGENT`, the highest.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Enum,
    EnumIter,
    DeriveActiveEnum,
    Deserialize,
    Serialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[graphql(name = "TaskPriority")]
#[sea_orm(rs_type = "i16", db_type = "SmallInteger")]
pub enum Priority {
    /// No priority: the default, and the lowest in order.
    #[default]
    #[sea_orm(num_value = 0)]
    None,
    /// Above `NONE`, below `MEDIUM`.
    #[sea_orm(num_value = 1)]
    Low,
    /// Above `LOW`, below `HIGH`.
    #[sea_orm(num_value = 2)]
    Medium,
    /// Above `MEDIUM`, below `URGENT`.
    #[sea_orm(num_value = 3)]
    High,
    /// The highest priority.
    #[sea_orm(num_value = 4)]
    Urgent,
}

output::enum_output!(Priority);
