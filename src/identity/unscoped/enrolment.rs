//! Many people stored at once, with what is theirs.

use std::sync::Arc;

use sea_orm::{EntityTrait, SqlErr};

use crate::{
    db::{Database, Transaction},
    error::Result,
    identity::entity::{sessions, users},
};

/// Stores people, a session of each, and what `fill` stores for each session's owner within the
/// transaction; or nothing when one of the addresses is taken. Answers whether it was stored.
pub(in crate::identity) async fn enrol(
    database: &Database,
    people: Vec<users::ActiveModel>,
    opened: Vec<sessions::ActiveModel>,
    fill: impl AsyncFn(&sessions::Model, Arc<Transaction>) -> Result<()>,
) -> Result<bool> {
    let transaction = Arc::new(database.begin().await?);
    let people = users::Entity::insert_many(people);
    if let Err(error) = people.exec_without_returning(&*transaction).await {
        return match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
            _ => Err(error.into()),
        };
    }
    let opened = sessions::Entity::insert_many(opened)
        .exec_with_returning(&*transaction)
        .await?;
    for session in &opened {
        fill(session, Arc::clone(&transaction)).await?;
    }
    Transaction::alone(transaction)?.commit().await?;
    Ok(true)
}
