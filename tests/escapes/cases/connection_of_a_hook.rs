//! Refused by reading: a hook of a row's is given a connection.

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
