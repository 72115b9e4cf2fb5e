//! Refused by clippy::disallowed_methods: a row that was read is not made another's.

use sea_orm::ModelTrait;

use super::entity::{Column, Model};
use crate::id::UserId;

fn give(task: &mut Model, id: UserId) {
    task.set(Column::UserId, id.into()); //~
    let _ = task.try_set(Column::UserId, id.into()); //~
}
