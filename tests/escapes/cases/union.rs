//! Refused by reading: a union reads other people's rows beside one's own.

use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::UnionType};

use super::entity::{Entity, Model};
use crate::{scope::Viewer, error::Result};

async fn all(viewer: &Viewer) -> Result<Vec<Model>> {
    let mut select = Entity::find();
    let everybody = QuerySelect::query(&mut select).to_owned();
    QueryFilter::query(&mut select).union(UnionType::All, everybody.clone());
    QueryOrder::query(&mut select).union(UnionType::All, everybody.clone());
    let _ = sea_orm::QueryTrait::query(&mut select).union(UnionType::All, everybody);
    let _ = sea_orm::QueryTrait::as_query(&select);
    let _ = sea_orm::QueryTrait::into_query(select.clone());
    viewer.all(select).await
}
