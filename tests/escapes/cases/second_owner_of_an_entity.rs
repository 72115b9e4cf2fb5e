//! Refused by reading: the owner of a table is declared in the table's file.

use super::entity::{Column, Entity};
use crate::scope::Owned;

impl Owned for Entity {
    const OWNER: Column = Column::Id;
}
