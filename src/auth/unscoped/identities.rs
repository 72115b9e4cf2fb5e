//! Somebody whom another identity provider vouches for: found, or seen for the first time.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, SqlErr,
    sea_query::LockType,
};

use crate::{
    auth::{
        entity::{identities, sessions, users},
        outside::{Outsider, Rows, Verdict},
    },
    clock::Timestamp,
    db::{Database, Transaction},
    error::Result,
};

/// How often it is tried: of two who see somebody for the first time at once, one finds what the other
/// stored.
const TRIES: u32 = 3;

/// The session that what was said opens; nothing when it opens none any more.
pub(in crate::auth) async fn admit(
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
            Some(identity) => {
                return readmit(transaction, outsider, identity, rows, now).await;
            }
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

/// The session of somebody who was: the one that goes on, or a new one.
async fn readmit(
    transaction: Transaction,
    outsider: &Outsider<'_>,
    identity: identities::Model,
    rows: Rows,
    now: Timestamp,
) -> Result<Option<sessions::Model>> {
    let may_enter = users::Entity::find_by_id(identity.user_id.user_id())
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
    let after = match outsider.judge(session, now) {
        Verdict::Resume(session) => return Ok(Some(session)),
        Verdict::Refuse => return Ok(None),
        Verdict::Open(after) => after,
    };
    let mut returned = rows.returned;
    returned.user_id = Set(identity.user_id);
    returned.insert(&transaction).await?;
    let mut session = rows.session;
    session.user_id = Set(identity.user_id);
    session.rotated_at = Set(after);
    let session = session.insert(&transaction).await?;
    let opened = identities::ActiveModel {
        session_id: Set(session.id),
        ..Default::default()
    };
    identities::Entity::update_many()
        .set(opened)
        .filter(identities::Column::Issuer.eq(identity.issuer))
        .filter(identities::Column::Subject.eq(identity.subject))
        .exec(&transaction)
        .await?;
    transaction.commit().await?;
    Ok(Some(session))
}
