//! Limits the rows of an account in a table: adding a row over the limit removes the least recently
//! used one.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    db::Transaction,
    error::Result,
    identity::entity::{known_networks, sessions},
    scope::Owner,
};

/// The maximum number of sessions of one user, active and ended, without personal access tokens.
const MAX_SESSIONS: u64 = 100;

/// The maximum number of known networks of one user.
const MAX_KNOWN_NETWORKS: u64 = 100;

/// The maximum number of rows over the limit that one call removes.
const MAX_DELETED_ROWS: u64 = 500;

/// Removes a user's sessions over the limit: first ended ones, then the least recently used ones,
/// which ends them.
pub(super) async fn limit_sessions(transaction: &Transaction, owner: Owner) -> Result<()> {
    let surplus = sessions::Entity::find()
        .filter(sessions::Column::UserId.eq(owner))
        .filter(sessions::Column::Kind.ne(sessions::Kind::AccessToken))
        .order_by_desc(sessions::Column::EndedAt.is_null())
        .order_by_desc(sessions::Column::LastActiveAt)
        .order_by_desc(sessions::Column::Id)
        .offset(MAX_SESSIONS)
        .limit(MAX_DELETED_ROWS)
        .all(transaction)
        .await?;
    if surplus.is_empty() {
        return Ok(());
    }
    let ids = surplus.iter().map(|session| session.id);
    sessions::Entity::delete_many()
        .filter(sessions::Column::UserId.eq(owner))
        .filter(sessions::Column::Id.is_in(ids))
        .exec(transaction)
        .await?;
    transaction.announce_session_ends(owner.user_id());
    Ok(())
}

/// Removes a user's known networks over the limit, the least recently used ones first.
pub(super) async fn limit_known_networks(transaction: &Transaction, owner: Owner) -> Result<()> {
    let surplus = known_networks::Entity::find()
        .filter(known_networks::Column::UserId.eq(owner))
        .order_by_desc(known_networks::Column::LastUsedAt)
        .order_by_desc(known_networks::Column::Network)
        .offset(MAX_KNOWN_NETWORKS)
        .limit(MAX_DELETED_ROWS)
        .all(transaction)
        .await?;
    if surplus.is_empty() {
        return Ok(());
    }
    let networks = surplus.iter().map(|known| known.network.clone());
    known_networks::Entity::delete_many()
        .filter(known_networks::Column::UserId.eq(owner))
        .filter(known_networks::Column::Network.is_in(networks))
        .exec(transaction)
        .await?;
    Ok(())
}
