//! Refused by E0616: an owner cannot be changed in place.

use super::entity::Model;
use crate::id::UserId;

fn give(task: &mut Model, id: UserId) {
    task.user_id.0 = id; //~
}
