//! Deletes expired rows of all users.

use std::{collections::HashSet, sync::Arc, time::Duration};

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::has_one_of;
use crate::{
    clock::Timestamp,
    db::{Database, End, Transaction},
    error::Result,
    identity::{
        entity::{challenges, credential_attempts, known_networks, security_events, sessions},
        lifetimes,
    },
    jobs,
    scope::tombstones,
};

/// The maximum number of rows of each table that one transaction deletes, so that other
/// transactions can write in between.
const BATCH_SIZE: u64 = 500;

/// The time for which security events and unused known networks are stored.
const EVENT_RETENTION: Duration = Duration::from_hours(90 * 24);

/// The time after which a job is deleted although it was not run.
const JOB_RETENTION: Duration = Duration::from_hours(48);

/// The time for which a tombstone is stored, and the id of the deleted row is rejected.
const TOMBSTONE_RETENTION: Duration = Duration::from_hours(30 * 24);

/// Deletes all expired rows, and returns their number.
pub(in crate::identity) async fn delete_expired(
    database: &Database,
    now: Timestamp,
) -> Result<u64> {
    let mut cleared = 0;
    loop {
        let some = delete_batch(database, now).await?;
        cleared += some;
        if some == 0 {
            return Ok(cleared);
        }
    }
}

/// Deletes a batch of expired rows of each table: finds rows of all users, and deletes them by
/// their owners.
async fn delete_batch(database: &Database, now: Timestamp) -> Result<u64> {
    let sessions_over = Condition::any()
        .add(sessions::Column::ExpiresAt.lte(now))
        .add(sessions::Column::IdleExpiresAt.lte(now.minus(lifetimes::SESSION_RETENTION)));
    let sessions = sessions::Entity::find()
        .filter(sessions_over)
        .limit(BATCH_SIZE)
        .all(database.reads())
        .await?;
    let events = security_events::Entity::find()
        .filter(security_events::Column::At.lte(now.minus(EVENT_RETENTION)))
        .limit(BATCH_SIZE)
        .all(database.reads())
        .await?;
    let networks = known_networks::Entity::find()
        .filter(known_networks::Column::LastUsedAt.lte(now.minus(EVENT_RETENTION)))
        .limit(BATCH_SIZE)
        .all(database.reads())
        .await?;
    let attempts = credential_attempts::Entity::find()
        .filter(credential_attempts::Column::WindowEndsAt.lte(now))
        .limit(BATCH_SIZE)
        .all(database.reads())
        .await?;
    let tombstones = tombstones::Entity::find()
        .filter(tombstones::Column::DeletedAt.lte(now.minus(TOMBSTONE_RETENTION)))
        .order_by_asc(tombstones::Column::DeletedAt)
        .limit(BATCH_SIZE)
        .all(database.reads())
        .await?;
    let challenges = challenges::Entity::find()
        .filter(challenges::Column::ExpiresAt.lte(now))
        .limit(BATCH_SIZE)
        .all(database.reads())
        .await?;
    let found = sessions.len()
        + events.len()
        + networks.len()
        + attempts.len()
        + tombstones.len()
        + challenges.len();
    if found == 0 {
        return Ok(0);
    }

    let (sessions, events, networks) = (&sessions, &events, &networks);
    let (attempts, tombstones, challenges) = (&attempts, &tombstones, &challenges);
    let remove = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        if !sessions.is_empty() {
            let keys: Vec<_> = sessions.iter().map(sessions::Model::key).collect();
            sessions::Entity::delete_many()
                .filter(has_one_of(&keys))
                .exec(transaction)
                .await?;
        }
        if !events.is_empty() {
            let owners: HashSet<_> = events.iter().map(|event| event.user_id.user_id()).collect();
            let ids = events.iter().map(|event| event.id);
            security_events::Entity::delete_many()
                .filter(security_events::Column::UserId.is_in(owners))
                .filter(security_events::Column::Id.is_in(ids))
                .exec(transaction)
                .await?;
        }
        for network in networks {
            // A network that was used since the query is not deleted.
            known_networks::Entity::delete_many()
                .filter(known_networks::Column::UserId.eq(network.user_id))
                .filter(known_networks::Column::Network.eq(&network.network))
                .filter(known_networks::Column::LastUsedAt.eq(network.last_used_at))
                .exec(transaction)
                .await?;
        }
        if !attempts.is_empty() {
            let ids = attempts.iter().map(|attempt| attempt.id.clone());
            credential_attempts::Entity::delete_many()
                .filter(credential_attempts::Column::Id.is_in(ids))
                .filter(credential_attempts::Column::WindowEndsAt.lte(now))
                .exec(transaction)
                .await?;
        }
        for of_one in tombstones.chunk_by(|one, next| one.user_id == next.user_id) {
            let ids = of_one.iter().map(|row| row.id);
            tombstones::Entity::delete_many()
                .filter(tombstones::Column::UserId.eq(of_one[0].user_id))
                .filter(tombstones::Column::Id.is_in(ids))
                .exec(transaction)
                .await?;
        }
        // A worker gives up older jobs; without mail there is none.
        jobs::Entity::delete_many()
            .filter(jobs::Column::CreatedAt.lte(now.minus(JOB_RETENTION)))
            .exec(transaction)
            .await?;
        for challenge in challenges {
            challenges::Entity::delete_by_id((challenge.user_id, challenge.id))
                .exec(transaction)
                .await?;
        }
        Ok(End::Commit(found as u64))
    };
    database.transaction(remove).await
}
