//! Refused by E0616: the field of an owner cannot be changed.

use super::entity::Model;
use crate::id::UserId;

fn give(task: &mut Model, id: UserId) {
    task.user_id.0 = id; //~
}
