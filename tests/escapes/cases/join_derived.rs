//! Refused by clippy::disallowed_methods: a relation that is derived is a join.

use sea_orm::entity::prelude::*;

use super::entity::{Column, Entity, deleted};

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)] //~
pub enum Relation {
    #[sea_orm(
        belongs_to = "deleted::Entity",
        from = "Column::Id",
        to = "deleted::Column::Id"
    )]
    Deleted,
}
