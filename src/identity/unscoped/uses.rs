//! Writes the uses of sessions to their rows, in other transactions than those of the requests.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType},
};

use super::{
    has_key, has_one_of,
    session_uses::{Uses, UsesOf},
};
use crate::{
    db::{Database, End, Transaction},
    error::Result,
    id::SessionKey,
    identity::entity::sessions::{self, Column},
};

/// Writes the uses of several sessions in one transaction. Returns the sessions whose rows other
/// transactions had locked; their uses are not written. Waiting for one row with locks on others
/// could deadlock.
pub(in crate::identity) async fn write_uses(
    database: &Database,
    uses: &[UsesOf],
) -> Result<HashSet<SessionKey>> {
    let keys: Vec<_> = uses.iter().map(|(key, _)| *key).collect();
    let uses: HashMap<_, _> = uses.iter().map(|(key, uses)| (*key, uses)).collect();
    let (uses, keys) = (&uses, &keys);
    let write = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let free = sessions::Entity::find()
            .filter(has_one_of(keys))
            .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked)
            .all(transaction)
            .await?;
        let mut rest: HashSet<_> = keys.iter().copied().collect();
        for session in free {
            if let Some(uses) = uses.get(&session.key()) {
                update(transaction, session.key(), uses).await?;
                rest.remove(&session.key());
            }
        }
        if !rest.is_empty() {
            // Either locked or deleted: only rows that are still stored are locked.
            let locked: Vec<_> = rest.into_iter().collect();
            let stored = sessions::Entity::find().filter(has_one_of(&locked));
            let stored = stored.all(transaction).await?;
            rest = stored.iter().map(sessions::Model::key).collect();
        }
        Ok(End::Commit(rest))
    };
    database.transaction(write).await
}

/// Writes the uses of one session, and waits for the lock of its row: a confirmation must be
/// written.
pub(in crate::identity) async fn confirm(
    database: &Database,
    key: SessionKey,
    uses: &Uses,
) -> Result<()> {
    let write = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        update(transaction, key, uses).await.map(End::Commit)
    };
    database.transaction(write).await
}

/// Updates one session. Values never decrease, a shortened expiry stays, and an ended session does
/// not change.
async fn update(transaction: &Transaction, key: SessionKey, uses: &Uses) -> Result<()> {
    let at = uses.last_active_at;
    let last_active_at = Expr::case(Column::LastActiveAt.lt(at), at);
    let mut update = sessions::Entity::update_many()
        .col_expr(
            Column::LastActiveAt,
            last_active_at
                .finally(Expr::col(Column::LastActiveAt))
                .into(),
        )
        .filter(has_key(key))
        .filter(Column::EndedAt.is_null());
    if let Some(generation) = uses.confirmed_generation {
        let is_older = Column::ConfirmedGeneration.lt(generation);
        let confirmed = Expr::case(is_older, generation);
        update = update.col_expr(
            Column::ConfirmedGeneration,
            confirmed
                .finally(Expr::col(Column::ConfirmedGeneration))
                .into(),
        );
    }
    if let Some(slide) = uses.slide {
        let column = Column::IdleExpiresAt;
        let slides = column.gte(slide.from).and(column.lt(slide.to));
        let end = Expr::case(slides, slide.to).finally(Expr::col(column));
        update = update.col_expr(column, end.into());
    }
    update.exec(transaction).await?;
    Ok(())
}
