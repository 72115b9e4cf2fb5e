//! Stores new users with their rows.

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, EntityTrait};

use super::{remember, unless_taken};
use crate::{
    db::{Database, End, Transaction},
    error::Result,
    identity::{
        entity::{credentials, emails, known_networks, security_events, sessions, users},
        users::registration::NewUserRows,
    },
};

/// Stores a user and their first session. Returns `None`, and stores nothing, if the address has an
/// account.
pub(in crate::identity) async fn create_user(
    database: &Database,
    user: NewUserRows,
    session: sessions::ActiveModel,
    network: known_networks::ActiveModel,
) -> Result<Option<sessions::Model>> {
    let (user, session, network) = (&user, &session, &network);
    let insert = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        if let Err(error) = insert_rows(transaction, std::slice::from_ref(user)).await {
            return unless_taken(error, None);
        }
        let session = session.clone().insert(transaction).await?;
        remember(transaction, network.clone()).await?;
        Ok(End::Commit(Some(session)))
    };
    database.transaction(insert).await
}

/// Stores users without sessions, all of them or none. Returns false if one of the addresses has an
/// account.
pub(in crate::identity) async fn insert_users(
    database: &Database,
    people: Vec<NewUserRows>,
) -> Result<bool> {
    let people = &people;
    let insert = |transaction: Arc<Transaction>| async move {
        match insert_rows(&transaction, people).await {
            Ok(()) => Ok(End::Commit(true)),
            Err(error) => unless_taken(error, false),
        }
    };
    database.transaction(insert).await
}

/// Stores users, sessions of them, and the rows that `fill` inserts for each session's owner, in one
/// transaction. Returns false, and stores nothing, if one of the addresses has an account.
pub(in crate::identity) async fn insert_users_with(
    database: &Database,
    people: Vec<NewUserRows>,
    opened: Vec<sessions::ActiveModel>,
    fill: impl AsyncFn(&sessions::Model, Arc<Transaction>) -> Result<()>,
) -> Result<bool> {
    let (people, opened, fill) = (&people, &opened, &fill);
    let insert = |transaction: Arc<Transaction>| async move {
        if let Err(error) = insert_rows(&transaction, people).await {
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

async fn insert_rows(
    transaction: &Transaction,
    people: &[NewUserRows],
) -> std::result::Result<(), sea_orm::DbErr> {
    let people = || people.iter().cloned();
    users::Entity::insert_many(people().map(|rows| rows.user))
        .exec_without_returning(transaction)
        .await?;
    emails::Entity::insert_many(people().map(|rows| rows.email))
        .exec_without_returning(transaction)
        .await?;
    credentials::Entity::insert_many(people().map(|rows| rows.password))
        .exec_without_returning(transaction)
        .await?;
    security_events::Entity::insert_many(people().map(|rows| rows.signed_up_event))
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}
