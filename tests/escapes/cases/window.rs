//! Refused by clippy::disallowed_types: a window is written in raw SQL.

use sea_orm::{EntityTrait, QuerySelect, sea_query};

use super::entity::{Column, Entity, Model};
use crate::{scope::Viewer, error::Result};

async fn all(viewer: &Viewer) -> Result<Vec<Model>> {
    let window = sea_query::WindowStatement::partition_by_custom("1) FROM users --"); //~
    let expression = sea_query::SelectExpr {
        expr: sea_query::Expr::col(Column::Id),
        alias: None,
        window: Some(sea_query::WindowSelectType::Query(window)),
    };
    viewer.all(Entity::find().exprs([expression])).await
}
