//! Refused by reading: the owner of a table is declared in the table's file.

use super::entity::deleted;
use crate::scope::Owned;

impl Owned for deleted::Entity {
    const OWNER: deleted::Column = deleted::Column::Id;
}
