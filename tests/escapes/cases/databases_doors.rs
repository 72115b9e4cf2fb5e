//! Refused by clippy::disallowed_methods: whoever holds the database can run nothing on it.

use sea_orm::EntityTrait;

use super::entity::Entity;
use crate::{config::DatabaseUrl, db::Database};

async fn everything(database: &Database, url: &DatabaseUrl) {
    let _ = Entity::find().all(database.reads()).await; //~
    let _ = database.begin().await; //~
    let _ = Database::open(url, 1).await; //~
    let _ = Database::examine(url).await; //~
    let open = Database::reads; //~
    let _ = open(database);
}
