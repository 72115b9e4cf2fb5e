//! Refused by E0119: a table names its owner once.

use super::entity::{Column, Entity};
use crate::scope::Owned;

impl Owned for Entity { //~
    const OWNER: Column = Column::Id;
}
