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
        entity::{identities, security_events, sessions, users},
        federation::{ExternalIdentity, SessionDecision},
    },
    scope::Owner,
};

/// How often it is tried: of two who see somebody for the first time at once, one finds what the other
/// stored.
const TRIES: u32 = 3;

/// The rows of a new external user, or of their next session.
pub(in crate::identity) struct NewExternalUser {
    pub(in crate::identity) user: users::ActiveModel,
    pub(in crate::identity) identity: identities::ActiveModel,
    pub(in crate::identity) session: sessions::ActiveModel,
    pub(in crate::identity) signed_up_event: security_events::ActiveModel,
    pub(in crate::identity) signed_in_event: security_events::ActiveModel,
}

/// The session that what was said opens; nothing when it opens none any more.
pub(in crate::identity) async fn authenticate_external(
    database: &Database,
    external: &ExternalIdentity<'_>,
    rows: NewExternalUser,
    now: Timestamp,
) -> Result<Option<sessions::Model>> {
    let mut tries_left = TRIES;
    loop {
        tries_left -= 1;
        let transaction = database.begin().await?;
        let key = (external.issuer().to_owned(), external.subject().to_owned());
        let known = identities::Entity::find_by_id(key)
            .lock(LockType::NoKeyUpdate)
            .one(&transaction)
            .await?;
        let stored = match known {
            Some(identity) => match identity.user_id {
                Some(owner) => {
                    return resume_or_open(transaction, external, identity, owner, rows, now).await;
                }
                None if identity
                    .latest_at
                    .is_some_and(|end| external.issued_at() <= end) =>
                {
                    return Ok(None);
                }
                None => reregister(&transaction, external, &rows, identity.latest_at).await,
            },
            None => register(&transaction, &rows).await,
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
async fn register(
    transaction: &Transaction,
    rows: &NewExternalUser,
) -> std::result::Result<sessions::Model, sea_orm::DbErr> {
    rows.user.clone().insert(transaction).await?;
    rows.identity.clone().insert(transaction).await?;
    rows.signed_up_event.clone().insert(transaction).await?;
    rows.session.clone().insert(transaction).await
}

/// Stores somebody anew who was removed.
async fn reregister(
    transaction: &Transaction,
    external: &ExternalIdentity<'_>,
    rows: &NewExternalUser,
    after: Option<Timestamp>,
) -> std::result::Result<sessions::Model, sea_orm::DbErr> {
    rows.user.clone().insert(transaction).await?;
    let identity = identities::ActiveModel {
        user_id: rows.identity.user_id.clone(),
        session_id: rows.identity.session_id.clone(),
        ..Default::default()
    };
    change(transaction, external, identity).await?;
    rows.signed_up_event.clone().insert(transaction).await?;
    let mut session = rows.session.clone();
    if let Some(after) = after {
        session.rotated_at = Set(after);
    }
    session.insert(transaction).await
}

/// Changes what is stored of somebody's identity.
async fn change(
    transaction: &Transaction,
    external: &ExternalIdentity<'_>,
    changes: identities::ActiveModel,
) -> std::result::Result<(), sea_orm::DbErr> {
    identities::Entity::update_many()
        .set(changes)
        .filter(identities::Column::Issuer.eq(external.issuer()))
        .filter(identities::Column::Subject.eq(external.subject()))
        .exec(transaction)
        .await
        .map(drop)
}

/// Notes what was said that is still to come here: when its owner signs out it counts as said before.
pub(in crate::identity) async fn record_future_iat(
    database: &Database,
    external: &ExternalIdentity<'_>,
) -> Result<()> {
    let key = (external.issuer().to_owned(), external.subject().to_owned());
    let known = identities::Entity::find_by_id(key)
        .one(database.reads())
        .await?;
    let latest_at = known.and_then(|identity| identity.latest_at);
    if latest_at >= Some(external.issued_at()) {
        return Ok(());
    }
    let transaction = database.begin().await?;
    let later = identities::ActiveModel {
        latest_at: Set(Some(external.issued_at())),
        ..Default::default()
    };
    change(&transaction, external, later).await?;
    transaction.commit().await
}

/// The session of somebody who was: the one that goes on, or a new one.
async fn resume_or_open(
    transaction: Transaction,
    external: &ExternalIdentity<'_>,
    identity: identities::Model,
    owner: Owner,
    rows: NewExternalUser,
    now: Timestamp,
) -> Result<Option<sessions::Model>> {
    let user = users::Entity::find_by_id(owner)
        .filter(users::Column::DisabledAt.is_null())
        .lock(LockType::Share)
        .one(&transaction)
        .await?;
    if user.is_none() {
        return Ok(None);
    }
    let session = sessions::Entity::find_by_id(identity.session_id)
        .one(&transaction)
        .await?;
    let after = match external.decide(session, identity.latest_at, now) {
        SessionDecision::Resume(session) => return Ok(Some(session)),
        SessionDecision::Refuse => return Ok(None),
        SessionDecision::Open(after) => after,
    };
    let mut event = rows.signed_in_event;
    event.user_id = Set(owner);
    event.insert(&transaction).await?;
    let mut session = rows.session;
    session.user_id = Set(owner);
    session.rotated_at = Set(after);
    let session = session.insert(&transaction).await?;
    bound_sessions(&transaction, owner).await?;
    let opened = identities::ActiveModel {
        session_id: Set(session.id),
        ..Default::default()
    };
    change(&transaction, external, opened).await?;
    transaction.commit().await?;
    Ok(Some(session))
}
