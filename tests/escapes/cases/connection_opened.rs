//! Refused by reading: a connection of one's own walks past the viewer.

use sea_orm::{DbErr, EntityTrait};

use super::entity::{Entity, Model};

async fn everything() -> Result<Vec<Model>, DbErr> {
    let connection = sea_orm::Database::connect("sqlite://data/cubby.db").await?;
    Entity::find().all(&connection).await
}
