//! How urgent a task is.

use async_graphql::Enum;
use sea_orm::{DeriveActiveEnum, EnumIter};
use serde::{Deserialize, Serialize};

/// How urgent a task is. It is stored as a number, so that priorities order.
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
    #[default]
    #[sea_orm(num_value = 0)]
    None,
    #[sea_orm(num_value = 1)]
    Low,
    #[sea_orm(num_value = 2)]
    Medium,
    #[sea_orm(num_value = 3)]
    High,
    #[sea_orm(num_value = 4)]
    Urgent,
}
