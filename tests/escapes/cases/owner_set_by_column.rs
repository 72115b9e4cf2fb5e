//! Refused by reading: only the viewer writes the owner's column.

use sea_orm::ActiveModelTrait;

use super::entity::{ActiveModel, Column};
use crate::id::UserId;

fn give(row: &mut ActiveModel, id: UserId) {
    row.set(Column::UserId, id.into());
    let _ = row.try_set(Column::UserId, id.into());
    let _ = ActiveModelTrait::set(row, Column::UserId, id.into());
    row.set_if_not_equals(Column::UserId, id.into());
}
