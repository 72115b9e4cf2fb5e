//! Finds external users by the issuer and the subject of a token, or registers them.

use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::LockType,
};

use super::{bounds::limit_sessions, unless_taken};
use crate::{
    clock::Timestamp,
    db::{Database, End, Transaction},
    error::{Error, Result},
    identity::{
        entity::{emails, external_subjects, identities, security_events, sessions, users},
        federation::{ExternalIdentity, SessionDecision},
    },
    scope::Owner,
};

/// The maximum number of attempts. If two requests register a user concurrently, one fails, tries
/// again and finds the user.
const MAX_TRIES: u32 = 3;

/// The rows of a new external user, or of their next session.
pub(in crate::identity) struct NewExternalUser {
    pub(in crate::identity) user: users::ActiveModel,
    /// `None` if the token has no valid address.
    pub(in crate::identity) email: Option<emails::ActiveModel>,
    pub(in crate::identity) subject: external_subjects::ActiveModel,
    pub(in crate::identity) identity: identities::ActiveModel,
    pub(in crate::identity) session: sessions::ActiveModel,
    pub(in crate::identity) signed_up_event: security_events::ActiveModel,
    pub(in crate::identity) signed_in_event: security_events::ActiveModel,
}

/// Returns the session that the token authenticates: the active one, or a new one. Registers an
/// unknown user. Returns `None` if the token is rejected.
pub(in crate::identity) async fn authenticate_external(
    database: &Database,
    external: &ExternalIdentity<'_>,
    rows: NewExternalUser,
    now: Timestamp,
) -> Result<Option<sessions::Model>> {
    let rows = &rows;
    let find_or_register = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let key = (external.issuer().to_owned(), external.subject().to_owned());
        let known = external_subjects::Entity::find_by_id(key)
            .lock(LockType::NoKeyUpdate)
            .one(transaction)
            .await?;
        let stored = match known {
            Some(known) => match (known.user_id, known.refused_until) {
                (Some(owner), _) => {
                    let session = resume_or_open(transaction, external, owner, rows, now);
                    return Ok(End::Commit(Some(session.await?)));
                }
                (None, Some(end)) if external.issued_at() <= end => {
                    return Ok(End::RollBack(Some(None)));
                }
                (None, end) => reregister(transaction, external, rows, end).await,
            },
            None => register(transaction, rows).await,
        };
        match stored {
            Ok(session) => Ok(End::Commit(Some(Some(session)))),
            Err(error) => unless_taken(error, None),
        }
    };
    for _ in 0..MAX_TRIES {
        if let Some(session) = database.transaction(find_or_register).await? {
            return Ok(session);
        }
    }
    Err(Error::Unavailable)
}

/// True if a user of this issuer has registered, even if the account was deleted since.
pub(in crate::identity) async fn has_identities(database: &Database, issuer: &str) -> Result<bool> {
    let first = external_subjects::Entity::find()
        .filter(external_subjects::Column::Issuer.eq(issuer))
        .one(database.reads())
        .await?;
    Ok(first.is_some())
}

/// Inserts a user whose subject is new.
async fn register(
    transaction: &Transaction,
    rows: &NewExternalUser,
) -> std::result::Result<sessions::Model, sea_orm::DbErr> {
    insert_user(transaction, rows).await?;
    rows.subject.clone().insert(transaction).await?;
    rows.identity.clone().insert(transaction).await?;
    rows.signed_up_event.clone().insert(transaction).await?;
    rows.session.clone().insert(transaction).await
}

/// Inserts a user again after a deletion. The session accepts only tokens issued after `after`.
async fn reregister(
    transaction: &Transaction,
    external: &ExternalIdentity<'_>,
    rows: &NewExternalUser,
    after: Option<Timestamp>,
) -> std::result::Result<sessions::Model, sea_orm::DbErr> {
    insert_user(transaction, rows).await?;
    let subject = external_subjects::ActiveModel {
        user_id: rows.subject.user_id.clone(),
        ..Default::default()
    };
    external_subjects::Entity::update_many()
        .set(subject)
        .filter(external_subjects::Column::Issuer.eq(external.issuer()))
        .filter(external_subjects::Column::Subject.eq(external.subject()))
        .exec(transaction)
        .await?;
    rows.identity.clone().insert(transaction).await?;
    rows.signed_up_event.clone().insert(transaction).await?;
    let mut session = rows.session.clone();
    if let Some(after) = after {
        session.rotated_at = Set(after);
    }
    session.insert(transaction).await
}

async fn insert_user(
    transaction: &Transaction,
    rows: &NewExternalUser,
) -> std::result::Result<(), sea_orm::DbErr> {
    rows.user.clone().insert(transaction).await?;
    if let Some(email) = &rows.email {
        email.clone().insert(transaction).await?;
    }
    Ok(())
}

/// Updates the owner's identity.
async fn change(
    transaction: &Transaction,
    external: &ExternalIdentity<'_>,
    owner: Owner,
    changes: identities::ActiveModel,
) -> std::result::Result<(), sea_orm::DbErr> {
    identities::Entity::update_many()
        .set(changes)
        .filter(identities::Column::UserId.eq(owner))
        .filter(identities::Column::Issuer.eq(external.issuer()))
        .filter(identities::Column::Subject.eq(external.subject()))
        .exec(transaction)
        .await
        .map(drop)
}

/// Records that a token was used before its time of issue, by this server's clock. When the user
/// signs out, the token counts as issued before the sign-out.
pub(in crate::identity) async fn record_future_iat(
    database: &Database,
    external: &ExternalIdentity<'_>,
    owner: Owner,
) -> Result<()> {
    let known = identities::Entity::find_by_id(key_of(owner, external))
        .one(database.reads())
        .await?;
    let latest = known.and_then(|identity| identity.latest_future_iat);
    if latest >= Some(external.issued_at()) {
        return Ok(());
    }
    let record = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let later = identities::ActiveModel {
            latest_future_iat: Set(Some(external.issued_at())),
            ..Default::default()
        };
        change(transaction, external, owner, later).await?;
        Ok(End::Commit(()))
    };
    database.transaction(record).await
}

/// Returns the active session of a known user, or opens one.
async fn resume_or_open(
    transaction: &Transaction,
    external: &ExternalIdentity<'_>,
    owner: Owner,
    rows: &NewExternalUser,
    now: Timestamp,
) -> Result<Option<sessions::Model>> {
    let user = users::Entity::find_by_id(owner)
        .filter(users::Column::DisabledAt.is_null())
        .lock(LockType::Share)
        .one(transaction)
        .await?;
    if user.is_none() {
        return Ok(None);
    }
    let identity = identities::Entity::find_by_id(key_of(owner, external))
        .lock(LockType::NoKeyUpdate)
        .one(transaction)
        .await?;
    let Some(identity) = identity else {
        return Ok(None);
    };
    let session = sessions::Entity::find_by_id((owner, identity.session_id))
        .one(transaction)
        .await?;
    let after = match external.decide(session, identity.latest_future_iat, now) {
        SessionDecision::Resume(session) => return Ok(Some(session)),
        SessionDecision::Refuse => return Ok(None),
        SessionDecision::Open(after) => after,
    };
    let mut event = rows.signed_in_event.clone();
    event.user_id = Set(owner);
    event.insert(transaction).await?;
    let mut session = rows.session.clone();
    session.user_id = Set(owner);
    session.rotated_at = Set(after);
    let session = session.insert(transaction).await?;
    limit_sessions(transaction, owner).await?;
    let opened = identities::ActiveModel {
        session_id: Set(session.id),
        ..Default::default()
    };
    change(transaction, external, owner, opened).await?;
    Ok(Some(session))
}

fn key_of(owner: Owner, external: &ExternalIdentity<'_>) -> (Owner, String, String) {
    (
        owner,
        external.issuer().to_owned(),
        external.subject().to_owned(),
    )
}
