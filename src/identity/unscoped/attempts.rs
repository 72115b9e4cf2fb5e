//! Counts attempts at credentials, and finds known networks, before a user is signed in.

use std::sync::Arc;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter,
    sea_query::{CaseStatement, Expr, ExprTrait, OnConflict},
};

use super::attempt_counter::{Blocked, Counter, FREE_ATTEMPTS, Rule};
use crate::{
    clock::Timestamp,
    db::{Database, End, Transaction},
    error::Result,
    id::UserId,
    identity::{
        entity::{
            credential_attempts::{
                self,
                Column::{Count, Id, LastAt, WindowEndsAt},
            },
            known_networks,
        },
        request::network::Network,
    },
};

/// Counts an attempt in all counters. If one of them has reached its limit, counts it in none, and
/// returns the time of the next permitted attempt.
pub(in crate::identity) async fn count_attempt(
    database: &Database,
    counters: &[Counter],
    now: Timestamp,
) -> Result<Option<Blocked>> {
    let count = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        for Counter { id, rule } in counters {
            let column = |column| Expr::col((credential_attempts::Entity, column));
            let ends_at = now.plus(rule.window);
            let is_over = column(WindowEndsAt).lte(now);
            let mut is_free = column(Count).lt(rule.max);
            if rule.slows_down {
                // The first attempts have no delay. They are concurrent, so `LastAt` may be later
                // than `now`.
                let waits = column(LastAt).add(delay(*rule)).lte(now);
                is_free = is_free.and(column(Count).lt(FREE_ATTEMPTS).or(waits));
            }
            let counted = OnConflict::column(Id)
                .value(
                    Count,
                    Expr::case(is_over.clone(), 1).finally(column(Count).add(1)),
                )
                .value(
                    WindowEndsAt,
                    Expr::case(is_over.clone(), ends_at).finally(column(WindowEndsAt)),
                )
                .value(LastAt, now)
                .action_and_where(is_over.or(is_free))
                .to_owned();
            let first = credential_attempts::ActiveModel {
                id: Set(id.clone()),
                count: Set(1),
                window_ends_at: Set(ends_at),
                last_at: Set(now),
            };
            let counted = credential_attempts::Entity::insert(first)
                .on_conflict(counted)
                .exec_without_returning(transaction)
                .await?;
            if counted == 0 {
                let found = credential_attempts::Entity::find_by_id(id.clone())
                    .one(transaction)
                    .await?;
                let blocked = Blocked(found.map_or(now, |row| rule.retry_at(&row)));
                return Ok(End::RollBack(Some(blocked)));
            }
        }
        Ok(End::Commit(None))
    };
    database.transaction(count).await
}

/// Returns the delay after the last attempt in milliseconds, by the number of attempts.
fn delay(rule: Rule) -> Expr {
    let column = (credential_attempts::Entity, Count);
    let mut delays = CaseStatement::new();
    for count in 0..rule.max {
        let delay = rule.delay(count).as_millis();
        let delay = i64::try_from(delay).unwrap_or(i64::MAX);
        delays = delays.case(Expr::col(column).eq(count), delay);
    }
    delays.finally(0_i64).into()
}

/// Subtracts a successful attempt from the counters of `decrement`, and deletes those of `reset`.
pub(in crate::identity) async fn refund_attempt(
    database: &Database,
    reset: Vec<Counter>,
    decrement: Vec<Counter>,
) -> Result<()> {
    let (reset, decrement) = (&reset, &decrement);
    let refund = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        // The order of counting, so that two transactions do not deadlock.
        for counter in decrement {
            credential_attempts::Entity::update_many()
                .col_expr(Count, Expr::col(Count).sub(1))
                .filter(Id.eq(counter.id.clone()))
                .filter(Count.gt(0))
                .exec(transaction)
                .await?;
        }
        credential_attempts::Entity::delete_many()
            .filter(Id.is_in(reset.iter().map(|counter| counter.id.clone())))
            .exec(transaction)
            .await?;
        Ok(End::Commit(()))
    };
    database.transaction(refund).await
}

/// True if the user has signed in from the network before; false without a user.
pub(in crate::identity) async fn is_known_network(
    database: &Database,
    user: Option<UserId>,
    network: &Network,
) -> Result<bool> {
    // Without a user, the query runs with the nil id, so that it takes the same time.
    let user_id = user.unwrap_or_else(UserId::nil);
    let known = known_networks::Entity::find()
        .filter(known_networks::Column::UserId.eq(user_id))
        .filter(known_networks::Column::Network.eq(network.as_str()))
        .one(database.reads())
        .await?;
    Ok(known.is_some())
}
