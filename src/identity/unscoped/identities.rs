//! Somebody whom another identity provider vouches for: found, or seen for the first time.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, SqlErr,
    sea_query::LockType,
};

use super::bounds::bound_sessions;
use crate::{
    clock::Timestamp,
    db::{Database, Transaction},
    error::Result,
    identity::{
        entity::{identities, sessions, users},
        federation::{Outsider, Rows, Verdict},
    },
    scope::Owner,
};

/// How often it is tried: of two who see somebody for the first time at once, one finds what the other
/// stored.
const TRIES: u32 = 3;

/// The session that what was said opens; nothing when it opens none any more.
pub(in crate::identity) async fn admit(
    database: &Database,
    outsider: &Outsider<'_>,
    rows: Rows,
    now: Timestamp,
) -> Result<Option<sessions::Model>> {
    let mut tries_left = TRIES;
    loop {
        tries_left -= 1;
        let transaction = database.begin().await?;
        let key = (outsider.issuer.to_owned(), outsider.subject().to_owned());
        let known = identities::Entity::find_by_id(key)
            .lock(LockType::NoKeyUpdate)
            .one(&transaction)
            .await?;
        let stored = match known {
            Some(identity) => match identity.user_id {
                Some(owner) => {
                    return readmit(transaction, outsider, identity, owner, rows, now).await;
                }
                None if identity
                    .latest_at
                    .is_some_and(|end| outsider.said_at() <= end) =>
                {
                    return Ok(None);
                }
                None => come_back(&transaction, outsider, &rows, identity.latest_at).await,
            },
            None => arrive(&transaction, &rows).await,
        };
        match stored {
            Ok(session) => {
                transaction.commit().await?;
                return Ok(Some(session));
            }
            Err(error)
                if tries_left > 0
                    && matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) =>
            {
                transaction.roll_back().await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether anybody has come by this provider; not who.
pub(in crate::identity) async fn has_identities(database: &Database, issuer: &str) -> Result<bool> {
    let first = identities::Entity::find()
        .filter(identities::Column::Issuer.eq(issuer))
        .one(database.reads())
        .await?;
    Ok(first.is_some())
}

/// Stores somebody who was never here.
async fn arrive(
    transaction: &Transaction,
    rows: &Rows,
) -> std::result::Result<sessions::Model, sea_orm::DbErr> {
    rows.user.clone().insert(transaction).await?;
    rows.identity.clone().insert(transaction).await?;
    rows.arrived.clone().insert(transaction).await?;
    rows.session.clone().insert(transaction).await
}

/// Stores somebody anew who was removed.
async fn come_back(
    transaction: &Transaction,
    outsider: &Outsider<'_>,
    rows: &Rows,
    after: Option<Timestamp>,
) -> std::result::Result<sessions::Model, sea_orm::DbErr> {
    rows.user.clone().insert(transaction).await?;
    let identity = identities::ActiveModel {
        user_id: rows.identity.user_id.clone(),
        session_id: rows.identity.session_id.clone(),
        ..Default::default()
    };
    change(transaction, outsider, identity).await?;
    rows.arrived.clone().insert(transaction).await?;
    let mut session = rows.session.clone();
    if let Some(after) = after {
        session.rotated_at = Set(after);
    }
    session.insert(transaction).await
}

/// Changes what is stored of somebody's identity.
async fn change(
    transaction: &Transaction,
    outsider: &Outsider<'_>,
    changes: identities::ActiveModel,
) -> std::result::Result<(), sea_orm::DbErr> {
    identities::Entity::update_many()
        .set(changes)
        .filter(identities::Column::Issuer.eq(outsider.issuer))
        .filter(identities::Column::Subject.eq(outsider.subject()))
        .exec(transaction)
        .await
        .map(drop)
}

/// Notes what was said that is still to come here: when its owner signs out it counts as said before.
pub(in crate::identity) async fn note_ahead(
    database: &Database,
    outsider: &Outsider<'_>,
) -> Result<()> {
    let key = (outsider.issuer.to_owned(), outsider.subject().to_owned());
    let known = identities::Entity::find_by_id(key)
        .one(database.reads())
        .await?;
    let latest_at = known.and_then(|identity| identity.latest_at);
    if latest_at >= Some(outsider.said_at()) {
        return Ok(());
    }
    let transaction = database.begin().await?;
    let later = identities::ActiveModel {
        latest_at: Set(Some(outsider.said_at())),
        ..Default::default()
    };
    change(&transaction, outsider, later).await?;
    transaction.commit().await
}

/// The session of somebody who was: the one that goes on, or a new one.
async fn readmit(
    transaction: Transaction,
    outsider: &Outsider<'_>,
    identity: identities::Model,
    owner: Owner,
    rows: Rows,
    now: Timestamp,
) -> Result<Option<sessions::Model>> {
    let may_enter = users::Entity::find_by_id(owner)
        .filter(users::Column::DisabledAt.is_null())
        .lock(LockType::Share)
        .one(&transaction)
        .await?;
    if may_enter.is_none() {
        return Ok(None);
    }
    let session = sessions::Entity::find_by_id(identity.session_id)
        .one(&transaction)
        .await?;
    let after = match outsider.judge(session, identity.latest_at, now) {
        Verdict::Resume(session) => return Ok(Some(session)),
        Verdict::Refuse => return Ok(None),
        Verdict::Open(after) => after,
    };
    let mut returned = rows.returned;
    returned.user_id = Set(owner);
    returned.insert(&transaction).await?;
    let mut session = rows.session;
    session.user_id = Set(owner);
    session.rotated_at = Set(after);
    let session = session.insert(&transaction).await?;
    bound_sessions(&transaction, owner).await?;
    let opened = identities::ActiveModel {
        session_id: Set(session.id),
        ..Default::default()
    };
    change(&transaction, outsider, opened).await?;
    transaction.commit().await?;
    Ok(Some(session))
}
