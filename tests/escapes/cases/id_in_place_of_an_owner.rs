//! Refused by E0308: a user id is not an owner.

use super::entity::{ActiveModel, Model};
use crate::{
    id::UserId,
    scope::{Owner, Set},
};

fn give(id: UserId, mut task: Model) -> (ActiveModel, Owner) {
    let mut row = ActiveModel::from(task.clone());
    row.user_id = Set(id); //~
    task.user_id = id; //~
    (row, id) //~
}
