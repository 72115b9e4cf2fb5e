//! Refused by E0425: who forgets the sign-in check has no viewer, and so no query.

use sea_orm::EntityTrait;

use super::entity::{Entity, Model};
use crate::error::Result;

async fn everything() -> Result<Vec<Model>> {
    viewer.all(Entity::find()).await //~
}
