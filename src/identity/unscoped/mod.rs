//! The queries without a viewer: they find and authenticate the user of a request.
//!
//! Each takes the evidence that it needs: an address, a session id from a verified token, a refresh
//! token issued here, or a verified password. Add no query here that a viewer can run.

mod admin;
mod attempt_counter;
mod attempts;
mod bounds;
mod cleanup;
mod identities;
mod recovery;
mod registration;
mod session_uses;
mod signing_keys;
mod uses;

use std::{collections::HashSet, sync::Arc};

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, SqlErr,
    sea_query::{Expr, ExprTrait, LockType, OnConflict},
};

pub(super) use admin::{
    any_user_by_email, any_user_by_id, existing_emails, identities_of, primary_emails_of,
    sessions_of, users_after,
};
pub(super) use attempt_counter::{Blocked, Counter, Rule};
pub(super) use attempts::{count_attempt, is_known_network, refund_attempt};
pub(super) use cleanup::delete_expired;
pub(super) use identities::{
    NewExternalUser, authenticate_external, has_identities, record_future_iat,
};
pub(super) use recovery::{ChallengedUser, challenged_user, store_challenge};
pub(super) use registration::{create_user, insert_users, insert_users_with};
pub(super) use signing_keys::{
    PreviousKeys, add_signing_keys, has_sessions, reencrypt_signing_key, signing_keys,
};

pub(super) use session_uses::{Slide, Uses, UsesOf};
pub(super) use uses::{confirm, write_uses};

use super::{
    credentials::{
        Authenticated, Factor, PasswordUser,
        refresh_tokens::{self, RefreshDecision, RefreshTokenClaims},
    },
    entity::{credentials, emails, known_networks, security_events, sessions, users},
    users::email_address::EmailAddress,
};
use crate::{
    clock::Timestamp,
    db::{Database, End, Transaction},
    error::{Error, Result},
    id::{SessionId, SessionKey, UserId},
    scope::{Owner, change_logs},
};

/// The maximum number of ids in one query.
const MAX_BOUND_KEYS: usize = 500;

/// Returns the row of an address, unless it is that of an external user.
pub(super) async fn email_by_address(
    database: &Database,
    email: &EmailAddress,
) -> Result<Option<emails::Model>> {
    let found = emails::Entity::find().filter(emails::Column::Normalized.eq(email.normalized()));
    Ok(found.one(database.reads()).await?)
}

/// Returns the user with the address and their password, unless the account is disabled. For an
/// unknown address, runs the same statements.
pub(super) async fn password_user_by_email(
    database: &Database,
    email: &EmailAddress,
) -> Result<Option<PasswordUser>> {
    let email = email_by_address(database, email).await?;
    let owner = email.map_or(UserId::nil(), |email| email.user_id.user_id());
    let user = any_user_by_id(database, owner).await?;
    let password = credentials::Entity::find()
        .filter(credentials::Column::UserId.eq(owner))
        .filter(credentials::Column::Kind.eq(credentials::Kind::Password))
        .one(database.reads())
        .await?;
    let found = user.filter(|user| user.disabled_at.is_none()).zip(password);
    Ok(found.map(|(user, password)| PasswordUser { user, password }))
}

/// Returns the session that a verified token names.
pub(super) async fn session_by_key(
    database: &Database,
    key: SessionKey,
) -> Result<Option<sessions::Model>> {
    let session = sessions::Entity::find().filter(has_key(key));
    Ok(session.one(database.reads()).await?)
}

/// Matches the session with this key.
fn has_key(key: SessionKey) -> Expr {
    let is_owned = sessions::Column::UserId.eq(key.user_id);
    is_owned.and(sessions::Column::Id.eq(key.session_id))
}

/// Matches the sessions with these keys. Session ids are unique, so the pairs need not be compared.
fn has_one_of(keys: &[SessionKey]) -> Expr {
    let owners: HashSet<_> = keys.iter().map(|key| key.user_id).collect();
    let ids = keys.iter().map(|key| key.session_id);
    let is_owned = sessions::Column::UserId.is_in(owners);
    is_owned.and(sessions::Column::Id.is_in(ids))
}

/// Returns the sessions with these keys, for open streams.
pub(super) async fn sessions_by_keys(
    database: &Database,
    keys: &[SessionKey],
) -> Result<Vec<sessions::Model>> {
    let mut sessions = Vec::new();
    for keys in keys.chunks(MAX_BOUND_KEYS) {
        let found = sessions::Entity::find()
            .filter(has_one_of(keys))
            .all(database.reads())
            .await?;
        sessions.extend(found);
    }
    Ok(sessions)
}

/// Returns the last change number of each user.
pub(super) async fn last_seqs(database: &Database, users: &[UserId]) -> Result<Vec<(UserId, i64)>> {
    let mut seqs = Vec::new();
    for users in users.chunks(MAX_BOUND_KEYS) {
        let logs = change_logs::Entity::find()
            .filter(change_logs::Column::UserId.is_in(users.iter().copied()))
            .all(database.reads())
            .await?;
        seqs.extend(logs.iter().map(|log| (log.user_id.user_id(), log.seq)));
    }
    Ok(seqs)
}

/// Returns the users whose floating due times must still be rescheduled, each with the session that
/// changed the time zone.
pub(super) async fn moving(database: &Database) -> Result<Vec<(Owner, SessionId)>> {
    let logs = change_logs::Entity::find()
        .filter(change_logs::Column::MovingSessionId.is_not_null())
        .limit(MAX_BOUND_KEYS as u64)
        .all(database.reads())
        .await?;
    let moving = logs
        .iter()
        .filter_map(|log| Some((log.user_id, log.moving_session_id?)));
    Ok(moving.collect())
}

/// The result of a refresh.
pub(super) enum Refreshed<T> {
    Session(Box<sessions::Model>, T),
    /// The session was ended, since its token was reused.
    Reused,
    /// The session had ended.
    Ended,
}

/// Rotates or replays a refresh token, or ends its session. [`refresh_tokens::decide`] chooses, by
/// the row and the unwritten uses that `apply_uses` adds. The tokens are issued before the rotation
/// is committed.
pub(super) async fn refresh<T>(
    database: &Database,
    claims: RefreshTokenClaims,
    apply_uses: impl Fn(&mut sessions::Model),
    reuse: security_events::ActiveModel,
    now: Timestamp,
    issue: impl Fn(&sessions::Model) -> Result<T>,
) -> Result<Refreshed<T>> {
    let (apply_uses, issue) = (&apply_uses, &issue);
    let rotate = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let found = sessions::Entity::find()
            .filter(has_key(claims.session))
            .lock(LockType::Update)
            .one(transaction)
            .await?;
        let Some(mut session) = found else {
            return Ok(End::RollBack(Ok(Refreshed::Ended)));
        };
        // While the row is locked, every earlier use is in the row or in memory.
        apply_uses(&mut session);
        if !session.is_active_at(now) {
            return Ok(End::RollBack(Ok(Refreshed::Ended)));
        }
        Ok(
            match refresh_tokens::decide(&session, claims.generation, now) {
                RefreshDecision::Replay => {
                    let issued = issue(&session)?;
                    End::RollBack(Ok(Refreshed::Session(Box::new(session), issued)))
                }
                RefreshDecision::Rotate => {
                    let rotated = sessions::Entity::update_many()
                        .set(refresh_tokens::rotated(&session, now))
                        .filter(has_key(session.key()))
                        .exec_with_returning(transaction)
                        .await?;
                    let Some(rotated) = rotated.into_iter().next() else {
                        return Ok(End::RollBack(Ok(Refreshed::Ended)));
                    };
                    let issued = issue(&rotated)?;
                    End::Commit(Ok(Refreshed::Session(Box::new(rotated), issued)))
                }
                RefreshDecision::Reuse => End::RollBack(Err(session)),
            },
        )
    };
    match database.transaction::<_, Error, _>(rotate).await? {
        Ok(refreshed) => Ok(refreshed),
        Err(session) => {
            end_reused(database, &session, reuse, now).await?;
            Ok(Refreshed::Reused)
        }
    }
}

/// Ends the session of a reused refresh token. Uses a separate transaction that locks the user
/// first, like the deletion of the account; the decision does not change in between.
async fn end_reused(
    database: &Database,
    session: &sessions::Model,
    reuse: security_events::ActiveModel,
    now: Timestamp,
) -> Result<()> {
    let event = security_events::ActiveModel {
        user_id: Set(session.user_id),
        ..reuse
    };
    let event = &event;
    let end = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        match event.clone().insert(transaction).await {
            Err(error) if has_no_user(&error) => return Ok(End::RollBack(())),
            stored => stored?,
        };
        let ended = sessions::ActiveModel {
            ended_at: Set(Some(now)),
            ..Default::default()
        };
        let ended = sessions::Entity::update_many()
            .set(ended)
            .filter(has_key(session.key()))
            .filter(sessions::Column::EndedAt.is_null())
            .exec(transaction)
            .await?;
        if ended.rows_affected == 0 {
            return Ok(End::RollBack(()));
        }
        transaction.announce_session_ends(session.user_id.user_id());
        Ok(End::Commit(()))
    };
    database.transaction(end).await
}

/// Stores a security event of a request without a viewer, unless the user has been deleted.
pub(super) async fn record(database: &Database, event: security_events::ActiveModel) -> Result<()> {
    let event = &event;
    let insert = |transaction: Arc<Transaction>| async move {
        match event.clone().insert(&*transaction).await {
            Err(error) if has_no_user(&error) => Ok(End::RollBack(())),
            stored => Ok(stored.map(|_| End::Commit(()))?),
        }
    };
    database.transaction(insert).await
}

/// True if a row could not be inserted because its user has been deleted.
fn has_no_user(error: &DbErr) -> bool {
    matches!(
        error.sql_err(),
        Some(SqlErr::ForeignKeyConstraintViolation(_))
    )
}

/// Rolls back with this value if a row could not be inserted because of a unique constraint.
///
/// # Errors
/// Any other error.
fn unless_taken<T>(error: DbErr, taken: T) -> Result<End<T>> {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Ok(End::RollBack(taken)),
        _ => Err(error.into()),
    }
}

/// Stores a session for a user who has authenticated. Stores nothing if a credential has changed
/// since, or if the account was disabled; locks order this and those changes.
pub(super) async fn open_session(
    database: &Database,
    authenticated: &Authenticated,
    session: sessions::ActiveModel,
    event: security_events::ActiveModel,
    network: known_networks::ActiveModel,
) -> Result<Option<sessions::Model>> {
    let user = authenticated.user();
    let (event, session, network) = (&event, &session, &network);
    let open = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let enabled = users::Entity::find_by_id(user.id)
            .filter(users::Column::DisabledAt.is_null())
            .lock(LockType::Share)
            .one(transaction)
            .await?;
        if enabled.is_none() {
            return Ok(End::RollBack(None));
        }
        for factor in authenticated.factors() {
            if !is_unchanged(transaction, factor).await? {
                return Ok(End::RollBack(None));
            }
        }
        event.clone().insert(transaction).await?;
        let session = session.clone().insert(transaction).await?;
        bounds::limit_sessions(transaction, session.user_id).await?;
        remember(transaction, network.clone()).await?;
        bounds::limit_known_networks(transaction, session.user_id).await?;
        Ok(End::Commit(Some(session)))
    };
    database.transaction(open).await
}

/// Locks the credential that was verified, and stores the new hash of a rehashed password. Returns
/// false if the credential has changed since it was verified.
async fn is_unchanged(transaction: &Transaction, factor: &Factor) -> Result<bool> {
    let Factor::Password { password, rehash } = factor;
    let key = (password.user_id, password.id);
    let unchanged = credentials::Entity::find_by_id(key)
        .filter(credentials::Column::Data.eq(password.data.as_str()));
    let locked = match rehash {
        None => unchanged.lock(LockType::Share),
        // With a shared lock, two transactions that then write would deadlock.
        Some(_) => unchanged.lock(LockType::NoKeyUpdate),
    };
    if locked.one(transaction).await?.is_none() {
        return Ok(false);
    }
    if let Some(hash) = rehash {
        let renewed = credentials::ActiveModel {
            data: Set(hash.clone()),
            ..Default::default()
        };
        credentials::Entity::update_many()
            .set(renewed)
            .filter(credentials::Column::UserId.eq(password.user_id))
            .filter(credentials::Column::Id.eq(password.id))
            .exec(transaction)
            .await?;
    }
    Ok(true)
}

/// Stores the network as one that the user has signed in from.
async fn remember(transaction: &Transaction, network: known_networks::ActiveModel) -> Result<()> {
    use known_networks::Column::{LastUsedAt, Network, UserId};

    let known = OnConflict::columns([UserId, Network])
        .update_column(LastUsedAt)
        .to_owned();
    known_networks::Entity::insert(network)
        .on_conflict(known)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}
