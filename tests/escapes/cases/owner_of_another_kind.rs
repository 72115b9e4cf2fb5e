//! Refused by E0308: an owner is no user's id, and the owner's column is its own table's.

use sea_orm::ActiveValue::Set;

use super::entity::{ActiveModel, Model};
use crate::{scope::Owner, id::UserId};

fn give(id: UserId, mut task: Model) -> (ActiveModel, Owner) {
    let mut row = ActiveModel::from(task.clone());
    row.user_id = Set(id); //~
    task.user_id = id; //~
    (row, id) //~
}
