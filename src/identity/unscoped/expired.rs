//! What nobody needs any more, whoever's it was.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    clock::Timestamp,
    db::Database,
    error::Result,
    identity::{
        entity::{credential_attempts, deleted_tasks, known_networks, security_events, sessions},
        lifetimes,
    },
};

/// How many rows are removed in one transaction: others write in between.
const AT_ONCE: u64 = 500;

/// How long what happened to an account is told, and a network is known that is not used.
const KEPT: Duration = Duration::from_hours(90 * 24);

/// How long a deleted task is told of, and its id refused.
const TOMBSTONE: Duration = Duration::from_hours(30 * 24);

/// Removes what has expired. Answers how many rows that were.
pub(in crate::identity) async fn clear_expired(database: &Database, now: Timestamp) -> Result<u64> {
    let mut cleared = 0;
    loop {
        let some = clear_some(database, now).await?;
        cleared += some;
        if some == 0 {
            return Ok(cleared);
        }
    }
}

async fn clear_some(database: &Database, now: Timestamp) -> Result<u64> {
    let sessions_over = Condition::any()
        .add(sessions::Column::ExpiresAt.lte(now))
        .add(sessions::Column::IdleExpiresAt.lte(now.minus(lifetimes::SESSION_RETENTION)));
    let session_ids = sessions::Entity::find()
        .filter(sessions_over)
        .limit(AT_ONCE)
        .all(database.reads())
        .await?;
    let events = security_events::Entity::find()
        .filter(security_events::Column::At.lte(now.minus(KEPT)))
        .limit(AT_ONCE)
        .all(database.reads())
        .await?;
    let networks = known_networks::Entity::find()
        .filter(known_networks::Column::LastUsedAt.lte(now.minus(KEPT)))
        .limit(AT_ONCE)
        .all(database.reads())
        .await?;
    let attempts = credential_attempts::Entity::find()
        .filter(credential_attempts::Column::WindowEndsAt.lte(now))
        .limit(AT_ONCE)
        .all(database.reads())
        .await?;
    let tombstones = deleted_tasks::Entity::find()
        .filter(deleted_tasks::Column::DeletedAt.lte(now.minus(TOMBSTONE)))
        .order_by_asc(deleted_tasks::Column::DeletedAt)
        .limit(AT_ONCE)
        .all(database.reads())
        .await?;
    let found =
        session_ids.len() + events.len() + networks.len() + attempts.len() + tombstones.len();
    if found == 0 {
        return Ok(0);
    }

    let transaction = database.begin().await?;
    let ids = session_ids.iter().map(|session| session.id);
    sessions::Entity::delete_many()
        .filter(sessions::Column::Id.is_in(ids))
        .exec(&transaction)
        .await?;
    let ids = events.iter().map(|event| event.id);
    security_events::Entity::delete_many()
        .filter(security_events::Column::Id.is_in(ids))
        .exec(&transaction)
        .await?;
    for network in &networks {
        // Unless it was used just now.
        known_networks::Entity::delete_many()
            .filter(known_networks::Column::UserId.eq(network.user_id))
            .filter(known_networks::Column::Network.eq(&network.network))
            .filter(known_networks::Column::LastUsedAt.eq(network.last_used_at))
            .exec(&transaction)
            .await?;
    }
    let ids = attempts.iter().map(|attempt| attempt.id.clone());
    credential_attempts::Entity::delete_many()
        .filter(credential_attempts::Column::Id.is_in(ids))
        .filter(credential_attempts::Column::WindowEndsAt.lte(now))
        .exec(&transaction)
        .await?;
    for of_one in tombstones.chunk_by(|one, next| one.user_id == next.user_id) {
        let ids = of_one.iter().map(|task| task.id);
        deleted_tasks::Entity::delete_many()
            .filter(deleted_tasks::Column::UserId.eq(of_one[0].user_id))
            .filter(deleted_tasks::Column::Id.is_in(ids))
            .exec(&transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(found as u64)
}
