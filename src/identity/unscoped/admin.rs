//! Queries over all users, for the operator. No request reaches them.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::email_by_address;
use crate::{
    db::Database,
    error::Result,
    id::UserId,
    identity::{
        entity::{emails, identities, sessions, users},
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
    match email_by_address(database, email).await? {
        Some(email) => any_user_by_id(database, email.user_id.user_id()).await,
        None => Ok(None),
    }
}

/// Returns the primary addresses of these users.
pub(in crate::identity) async fn primary_emails_of(
    database: &Database,
    people: &[UserId],
) -> Result<Vec<emails::Model>> {
    let found = emails::Entity::find()
        .filter(emails::Column::UserId.is_in(people.iter().copied()))
        .filter(emails::Column::IsPrimary.eq(true));
    Ok(found.all(database.reads()).await?)
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

/// Returns those of the normalized addresses that have an account.
pub(in crate::identity) async fn existing_emails(
    database: &Database,
    keys: impl Iterator<Item = &'_ str>,
) -> Result<HashSet<String>> {
    let taken = emails::Entity::find().filter(emails::Column::Normalized.is_in(keys));
    let taken = taken.all(database.reads()).await?.into_iter();
    Ok(taken.filter_map(|email| email.normalized).collect())
}
