//! Refused by clippy::disallowed_types: a slice's functions take a viewer and no connection, whatever its type.

use sea_orm::EntityTrait;

use super::entity::Entity;

async fn generic<C: sea_orm::ConnectionTrait>(connection: &C) { //~
    let _ = Entity::find().all(connection).await;
}

async fn beginning(connection: &impl sea_orm::TransactionTrait) { //~
    let _ = connection.begin().await;
}

fn streaming<C: sea_orm::StreamTrait>(_: C) {} //~
