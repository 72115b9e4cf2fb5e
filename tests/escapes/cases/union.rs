//! Refused by reading: a union adds other users' rows.

use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::UnionType};

use super::entity::{Entity, Model};
use crate::{scope::Viewer, error::Result};

async fn all(viewer: &Viewer) -> Result<Vec<Model>> {
    let mut select = Entity::find();
    let all_rows = QuerySelect::query(&mut select).to_owned();
    QueryFilter::query(&mut select).union(UnionType::All, all_rows.clone());
    QueryOrder::query(&mut select).union(UnionType::All, all_rows.clone());
    let _ = sea_orm::QueryTrait::query(&mut select).union(UnionType::All, all_rows);
    let _ = sea_orm::QueryTrait::as_query(&select);
    let _ = sea_orm::QueryTrait::into_query(select.clone());
    viewer.all(select).await
}
