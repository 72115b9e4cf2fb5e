//! Refused by reading: a function cannot be generic over synced entities.

use super::entity::Entity;
use crate::{id::TaskId, scope::Synced};

fn kind<E: Synced<Id = TaskId>>() -> &'static str {
    E::KIND
}
