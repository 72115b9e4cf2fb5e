//! Refused by reading: a new database connection bypasses the viewer.

use sea_orm::{DbErr, EntityTrait};

use super::entity::{Entity, Model};

async fn all_rows() -> Result<Vec<Model>, DbErr> {
    let connection = sea_orm::Database::connect("sqlite://data/cubby.db").await?;
    Entity::find().all(&connection).await
}
