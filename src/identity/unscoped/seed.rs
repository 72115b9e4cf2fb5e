//! Sample users, inserted in bulk with their rows.

use std::sync::Arc;

use sea_orm::EntityTrait;

use super::unless_taken;
use crate::{
    db::{Database, End, Transaction},
    error::Result,
    identity::entity::{sessions, users},
};

/// Inserts users, a session for each, and the rows that `fill` inserts for each session's owner, in
/// one transaction. Returns false, and inserts nothing, if an address has an account.
pub(in crate::identity) async fn insert_users(
    database: &Database,
    people: Vec<users::ActiveModel>,
    opened: Vec<sessions::ActiveModel>,
    fill: impl AsyncFn(&sessions::Model, Arc<Transaction>) -> Result<()>,
) -> Result<bool> {
    let (people, opened, fill) = (&people, &opened, &fill);
    let insert = |transaction: Arc<Transaction>| async move {
        let people = users::Entity::insert_many(people.clone());
        if let Err(error) = people.exec_without_returning(&*transaction).await {
            return unless_taken(error, false);
        }
        let opened = sessions::Entity::insert_many(opened.clone())
            .exec_with_returning(&*transaction)
            .await?;
        for session in &opened {
            fill(session, Arc::clone(&transaction)).await?;
        }
        Ok(End::Commit(true))
    };
    database.transaction(insert).await
}
