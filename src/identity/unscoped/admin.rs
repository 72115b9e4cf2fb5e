//! Queries over all users, for the operator. No request reaches them.

use std::{collections::HashSet, sync::Arc};

use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::unless_taken;
use crate::{
    db::{Database, End, Transaction},
    error::Result,
    id::UserId,
    identity::{
        entity::{identities, security_events, sessions, users},
        users::email_address::EmailAddress,
    },
};

/// Returns the next users, oldest first.
pub(in crate::identity) async fn users_after(
    database: &Database,
    after: Option<UserId>,
    count: u64,
) -> Result<Vec<users::Model>> {
    let mut people = users::Entity::find();
    if let Some(after) = after {
        people = people.filter(users::Column::Id.gt(after));
    }
    let people = people.order_by_asc(users::Column::Id).limit(count);
    Ok(people.all(database.reads()).await?)
}

pub(in crate::identity) async fn any_user_by_id(
    database: &Database,
    id: UserId,
) -> Result<Option<users::Model>> {
    Ok(users::Entity::find()
        .filter(users::Column::Id.eq(id))
        .one(database.reads())
        .await?)
}

/// Returns the user with the address, also a disabled one.
pub(in crate::identity) async fn any_user_by_email(
    database: &Database,
    email: &EmailAddress,
) -> Result<Option<users::Model>> {
    let found = users::Entity::find().filter(users::Column::EmailNormalized.eq(email.normalized()));
    Ok(found.one(database.reads()).await?)
}

/// Returns the sessions of these users, also ended ones.
pub(in crate::identity) async fn sessions_of(
    database: &Database,
    people: &[UserId],
) -> Result<Vec<sessions::Model>> {
    let theirs = sessions::Column::UserId.is_in(people.iter().copied());
    let found = sessions::Entity::find().filter(theirs);
    Ok(found.all(database.reads()).await?)
}

/// Returns the identities of these users at external providers.
pub(in crate::identity) async fn identities_of(
    database: &Database,
    people: &[UserId],
) -> Result<Vec<identities::Model>> {
    let theirs = identities::Column::UserId.is_in(people.iter().copied());
    let found = identities::Entity::find().filter(theirs);
    Ok(found.all(database.reads()).await?)
}

/// Stores a user without a session. Returns false if the address has an account.
pub(in crate::identity) async fn insert_user(
    database: &Database,
    user: users::ActiveModel,
    event: security_events::ActiveModel,
) -> Result<bool> {
    let (user, event) = (&user, &event);
    let insert = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        if let Err(error) = user.clone().insert(transaction).await {
            return unless_taken(error, false);
        }
        event.clone().insert(transaction).await?;
        Ok(End::Commit(true))
    };
    database.transaction(insert).await
}

/// Returns those of the normalized addresses that have an account.
pub(in crate::identity) async fn existing_emails(
    database: &Database,
    keys: impl Iterator<Item = &'_ str>,
) -> Result<HashSet<String>> {
    let taken = users::Entity::find().filter(users::Column::EmailNormalized.is_in(keys));
    let taken = taken.all(database.reads()).await?.into_iter();
    Ok(taken.filter_map(|user| user.email_normalized).collect())
}

/// Stores users, all of them or none. Returns false if one of the addresses has an account.
pub(in crate::identity) async fn import_users(
    database: &Database,
    people: Vec<users::ActiveModel>,
    signed_up_events: Vec<security_events::ActiveModel>,
) -> Result<bool> {
    let (people, signed_up_events) = (&people, &signed_up_events);
    let insert = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let people = users::Entity::insert_many(people.clone());
        if let Err(error) = people.exec_without_returning(transaction).await {
            return unless_taken(error, false);
        }
        let events = security_events::Entity::insert_many(signed_up_events.clone());
        events.exec_without_returning(transaction).await?;
        Ok(End::Commit(true))
    };
    database.transaction(insert).await
}
