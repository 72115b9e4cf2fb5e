//! The most rows that one account has of a table: whoever adds one more removes another.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    db::Transaction,
    error::Result,
    identity::entity::{known_networks, sessions},
    scope::Owner,
};

/// The maximum number of sessions of one person, living and ended, without access tokens.
const MAX_SESSIONS: u64 = 100;

/// The maximum number of networks that one person is known to sign in from.
const MAX_KNOWN_NETWORKS: u64 = 100;

/// How many rows beyond a maximum are removed at once.
const MAX_DELETED_ROWS: u64 = 500;

/// Removes what is beyond the maximum of a person's sessions: those that have ended first, and then those
/// that were not used for longest, which end by it.
pub(super) async fn bound_sessions(transaction: &Transaction, owner: Owner) -> Result<()> {
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

/// Removes what is beyond the maximum of a person's networks, those that were not used for longest.
pub(super) async fn bound_networks(transaction: &Transaction, owner: Owner) -> Result<()> {
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
