//! Refused by reading: an owner is named where the table is.

use super::entity::{Column, Entity};
use crate::scope::Owned;

impl Owned for Entity {
    const OWNER: Column = Column::Id;
}
