//! Refused by reading: an owner is named where the table is.

use super::entity::deleted;
use crate::scope::Owned;

impl Owned for deleted::Entity {
    const OWNER: deleted::Column = deleted::Column::Id;
}
