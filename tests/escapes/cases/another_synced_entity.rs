//! Refused by reading: a table is synced or it is not.

use super::entity::Entity;
use crate::{id::TaskId, scope::Synced};

fn kind<E: Synced<Id = TaskId>>() -> &'static str {
    E::KIND
}
