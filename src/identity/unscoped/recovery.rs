//! Stores and answers challenges: tokens that were sent by mail.

use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, LockType},
};

use super::{any_user_by_id, has_no_user};
use crate::{
    clock::Timestamp,
    db::{Database, End, Transaction},
    error::Result,
    identity::{
        accounts::MailToken,
        entity::{challenges, credentials, emails, security_events, sessions, users},
    },
    jobs::NewJob,
    scope::Owner,
};

/// Stores a job of no user.
pub(in crate::identity) async fn store_job(database: &Database, job: NewJob) -> Result<()> {
    let job = &job;
    let insert = |transaction: Arc<Transaction>| async move {
        job.clone().insert(&*transaction).await?;
        Ok(End::Commit(()))
    };
    database.transaction(insert).await
}

/// Stores a challenge and the mail with its token, and deletes the user's older challenges of the kind.
/// Stores nothing if the user has been deleted or disabled.
pub(in crate::identity) async fn store_challenge(
    database: &Database,
    challenge: challenges::ActiveModel,
    mail: NewJob,
) -> Result<()> {
    let (challenge, mail) = (&challenge, &mail);
    let insert = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        let stored = match challenge.clone().insert(transaction).await {
            Err(error) if has_no_user(&error) => return Ok(End::RollBack(())),
            stored => stored?,
        };
        if !lock_enabled_user(transaction, stored.user_id).await? {
            return Ok(End::RollBack(()));
        }
        challenges::Entity::delete_many()
            .filter(challenges::Column::UserId.eq(stored.user_id))
            .filter(challenges::Column::Kind.eq(stored.kind))
            .filter(challenges::Column::Id.ne(stored.id))
            .exec(transaction)
            .await?;
        mail.clone().insert(transaction).await?;
        Ok(End::Commit(()))
    };
    database.transaction(insert).await
}

/// A user with a challenge, and the address that its token was sent to.
pub(in crate::identity) struct ChallengedUser {
    pub(in crate::identity) user: users::Model,
    pub(in crate::identity) challenge: challenges::Model,
    pub(in crate::identity) email: emails::Model,
}

/// Returns the challenge that a token names. The token's secret is not verified yet.
pub(in crate::identity) async fn challenged_user(
    database: &Database,
    token: &MailToken,
) -> Result<Option<ChallengedUser>> {
    let challenge = challenges::Entity::find()
        .filter(challenges::Column::UserId.eq(token.user_id))
        .filter(challenges::Column::Id.eq(token.challenge_id))
        .one(database.reads())
        .await?;
    let Some(challenge) = challenge else {
        return Ok(None);
    };
    let email = emails::Entity::find_by_id((challenge.user_id, challenge.email_id))
        .one(database.reads())
        .await?;
    let user = any_user_by_id(database, token.user_id).await?;
    Ok(user.zip(email).map(|(user, email)| ChallengedUser {
        user,
        challenge,
        email,
    }))
}

/// A new password, and what is stored with it.
pub(in crate::identity) struct ResetPassword {
    /// The challenge whose token was verified.
    pub(in crate::identity) challenge: challenges::Model,
    pub(in crate::identity) password: credentials::ActiveModel,
    pub(in crate::identity) event: security_events::ActiveModel,
    pub(in crate::identity) mail: NewJob,
}

/// Sets the password, deletes all challenges of the user, ends all sessions, and revokes all personal
/// access tokens. The address of the challenge counts as verified. Returns false, and changes nothing,
/// if the challenge was answered or replaced meanwhile, or if the user was deleted or disabled.
pub(in crate::identity) async fn reset_password(
    database: &Database,
    reset: ResetPassword,
    now: Timestamp,
) -> Result<bool> {
    let reset = &reset;
    let owner = reset.challenge.user_id;
    let store = |transaction: Arc<Transaction>| async move {
        let transaction = &*transaction;
        if !lock_enabled_user(transaction, owner).await? {
            return Ok(End::RollBack(false));
        }
        let answered = challenges::Entity::delete_by_id((owner, reset.challenge.id))
            .exec(transaction)
            .await?;
        if answered.rows_affected == 0 {
            return Ok(End::RollBack(false));
        }
        challenges::Entity::delete_many()
            .filter(challenges::Column::UserId.eq(owner))
            .exec(transaction)
            .await?;
        set_password(transaction, owner, &reset.password).await?;
        let verified = emails::ActiveModel {
            verified_at: Set(Some(now)),
            ..Default::default()
        };
        emails::Entity::update_many()
            .set(verified)
            .filter(emails::Column::UserId.eq(owner))
            .filter(emails::Column::Id.eq(reset.challenge.email_id))
            .filter(emails::Column::VerifiedAt.is_null())
            .exec(transaction)
            .await?;
        let changed = users::ActiveModel {
            updated_at: Set(now),
            ..Default::default()
        };
        users::Entity::update_many()
            .set(changed)
            .filter(users::Column::Id.eq(owner))
            .exec(transaction)
            .await?;
        end_all_sessions(transaction, owner, now).await?;
        reset.event.clone().insert(transaction).await?;
        reset.mail.clone().insert(transaction).await?;
        Ok(End::Commit(true))
    };
    database.transaction(store).await
}

/// Locks the user's row. Returns false if the user was deleted or disabled.
async fn lock_enabled_user(transaction: &Transaction, owner: Owner) -> Result<bool> {
    let user = users::Entity::find_by_id(owner)
        .filter(users::Column::DisabledAt.is_null())
        .lock(LockType::NoKeyUpdate)
        .one(transaction)
        .await?;
    Ok(user.is_some())
}

/// Replaces the user's password, or inserts the first one.
async fn set_password(
    transaction: &Transaction,
    owner: Owner,
    password: &credentials::ActiveModel,
) -> Result<()> {
    let changed = credentials::ActiveModel {
        data: password.data.clone(),
        ..Default::default()
    };
    let replaced = credentials::Entity::update_many()
        .set(changed)
        .filter(credentials::Column::UserId.eq(owner))
        .filter(credentials::Column::Kind.eq(credentials::Kind::Password))
        .exec(transaction)
        .await?;
    if replaced.rows_affected == 0 {
        password.clone().insert(transaction).await?;
    }
    Ok(())
}

/// Ends the user's sessions, and deletes their personal access tokens.
async fn end_all_sessions(transaction: &Transaction, owner: Owner, now: Timestamp) -> Result<()> {
    let is_owned = || sessions::Column::UserId.eq(owner);
    let is_token = || -> Expr { sessions::Column::Kind.eq(sessions::Kind::AccessToken) };
    let ended = sessions::ActiveModel {
        ended_at: Set(Some(now)),
        ..Default::default()
    };
    sessions::Entity::update_many()
        .set(ended)
        .filter(is_owned())
        .filter(sessions::Column::EndedAt.is_null())
        .filter(is_token().not())
        .exec(transaction)
        .await?;
    sessions::Entity::delete_many()
        .filter(is_owned())
        .filter(is_token())
        .exec(transaction)
        .await?;
    transaction.announce_session_ends(owner.user_id());
    Ok(())
}
