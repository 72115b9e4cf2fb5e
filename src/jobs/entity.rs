//! The row of a job. It is deleted when the job is done.

use sea_orm::entity::prelude::*;

use crate::{clock::Timestamp, id::JobId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    pub kind: String,
    pub sealed_payload: Vec<u8>,
    pub created_at: Timestamp,
    /// The time from which a worker may run the job. A running job has the end of its lease.
    pub run_at: Timestamp,
    /// The number of times that a worker has begun to run the job.
    pub attempts: i32,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
