//! The only queries that no viewer scopes: what must be known before there is a viewer.
//!
//! Each is asked for by a proof of its own: an address, a session's id out of a verified token, a
//! password that was found right. Add nothing here that a viewer could do.

#![expect(
    clippy::disallowed_methods,
    reason = "these queries come before the viewer"
)]

use std::collections::HashSet;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, SqlErr,
    sea_query::LockType,
};

use super::{
    email_address::EmailAddress,
    entity::{sessions, task_logs, users},
    hasher::Unlocked,
};
use crate::{
    clock::Timestamp,
    db::Database,
    error::Result,
    id::{SessionId, UserId},
};

/// How many ids one query names.
const AT_ONCE: usize = 500;

/// The person with the address.
pub(super) async fn user_by_email(
    database: &Database,
    email: &EmailAddress,
) -> Result<Option<users::Model>> {
    let user = users::Entity::find()
        .filter(users::Column::EmailKey.eq(email.key()))
        .one(database.reads())
        .await?;
    Ok(user)
}

/// The session that a verified token names.
pub(super) async fn session_by_id(
    database: &Database,
    id: SessionId,
) -> Result<Option<sessions::Model>> {
    Ok(sessions::Entity::find_by_id(id)
        .one(database.reads())
        .await?)
}

/// Which of the sessions live; each is one that its owner's stream waits with.
pub(super) async fn living_sessions(
    database: &Database,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<HashSet<SessionId>> {
    let mut living = HashSet::new();
    for ids in ids.chunks(AT_ONCE) {
        let found = sessions::Entity::find()
            .filter(sessions::Column::Id.is_in(ids.iter().copied()))
            .all(database.reads())
            .await?;
        let alive = found.iter().filter(|session| session.lives_at(now));
        living.extend(alive.map(|session| session.id));
    }
    Ok(living)
}

/// The last number of each person's task log; none of them says what is in it.
pub(super) async fn last_seqs(database: &Database, users: &[UserId]) -> Result<Vec<(UserId, i64)>> {
    let mut seqs = Vec::new();
    for users in users.chunks(AT_ONCE) {
        let logs = task_logs::Entity::find()
            .filter(task_logs::Column::UserId.is_in(users.iter().copied()))
            .all(database.reads())
            .await?;
        seqs.extend(logs.iter().map(|log| (log.user_id.user_id(), log.seq)));
    }
    Ok(seqs)
}

/// Notes that the session was used.
pub(super) async fn touch_session(
    database: &Database,
    id: SessionId,
    now: Timestamp,
) -> Result<()> {
    let transaction = database.begin().await?;
    let touched = sessions::ActiveModel {
        last_active_at: Set(now),
        ..Default::default()
    };
    sessions::Entity::update_many()
        .set(touched)
        .filter(sessions::Column::Id.eq(id))
        .exec(&transaction)
        .await?;
    transaction.commit().await
}

/// Ends the session that a rightly signed token names, though its time may have passed. Answers
/// how many sessions that were.
pub(super) async fn end_session(database: &Database, id: SessionId) -> Result<u64> {
    let transaction = database.begin().await?;
    let ended = sessions::Entity::delete_by_id(id)
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(ended.rows_affected)
}

/// Stores a person and their first session, or nothing when the address is taken.
pub(super) async fn create_user(
    database: &Database,
    user: users::ActiveModel,
    session: sessions::ActiveModel,
) -> Result<Option<sessions::Model>> {
    let transaction = database.begin().await?;
    if let Err(error) = user.insert(&transaction).await {
        return match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(None),
            _ => Err(error.into()),
        };
    }
    let session = session.insert(&transaction).await?;
    transaction.commit().await?;
    Ok(Some(session))
}

/// Stores a session for the person whose password was found right, and the password's hash where it
/// was made anew; or nothing when the stored hash has changed since: the lock makes one wait for the
/// other.
pub(super) async fn open_session(
    database: &Database,
    unlocked: &Unlocked,
    session: sessions::ActiveModel,
) -> Result<Option<sessions::Model>> {
    let transaction = database.begin().await?;
    let user = unlocked.user();
    let unchanged = users::Entity::find_by_id(user.id)
        .filter(users::Column::PasswordHash.eq(&user.password_hash));
    let locked = match unlocked.renewed_hash() {
        None => unchanged.lock(LockType::Share),
        // Two that share a lock and want to write would wait for each other.
        Some(_) => unchanged.lock(LockType::NoKeyUpdate),
    };
    if locked.one(&transaction).await?.is_none() {
        return Ok(None);
    }
    if let Some(hash) = unlocked.renewed_hash() {
        let renewed = users::ActiveModel {
            password_hash: Set(hash.to_owned()),
            ..Default::default()
        };
        users::Entity::update_many()
            .set(renewed)
            .filter(users::Column::Id.eq(user.id))
            .exec(&transaction)
            .await?;
    }
    let session = session.insert(&transaction).await?;
    transaction.commit().await?;
    Ok(Some(session))
}
