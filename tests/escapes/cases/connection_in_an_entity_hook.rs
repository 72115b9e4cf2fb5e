//! Refused by reading: an entity's hook receives a database connection.

use sea_orm::{ConnectionTrait as _, DbErr, EntityTrait, entity::prelude::async_trait};

use super::entity::{ActiveModel, Entity};

trait Hook {
    async fn before<C: sea_orm::ConnectionTrait>(self, connection: &C) -> Result<(), DbErr>;
}

impl Hook for ActiveModel {
    async fn before<C: sea_orm::ConnectionTrait>(self, connection: &C) -> Result<(), DbErr> {
        Entity::delete_many().exec(connection).await.map(|_| ())
    }
}
