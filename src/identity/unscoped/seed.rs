//! Sample users, inserted in bulk with their rows.

use std::sync::Arc;

use sea_orm::{EntityTrait, SqlErr};

use crate::{
    db::{Database, Transaction},
    error::Result,
    identity::entity::{sessions, users},
};

/// Inserts users, a session of each, and what `fill` inserts for each session's owner, in one transaction. Returns
/// false, and inserts nothing, if an address has an account.
pub(in crate::identity) async fn insert_users(
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
