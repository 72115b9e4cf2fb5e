//! Stores and finds challenges: tokens that were sent by mail.

use std::sync::Arc;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::LockType,
};

use super::{any_user_by_id, has_no_user};
use crate::{
    clock::Timestamp,
    db::{Database, End, Transaction},
    error::Result,
    identity::{
        credentials::mail_token::MailToken,
        entity::{challenges, emails, users},
    },
    jobs::NewJob,
    scope::Owner,
};

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

/// A user whose challenge was answered by its token, and the address that the token was sent to.
/// [`challenged_user`] creates it.
pub(in crate::identity) struct ChallengedUser {
    pub(in crate::identity) user: users::Model,
    pub(in crate::identity) challenge: challenges::Model,
    pub(in crate::identity) email: emails::Model,
}

/// Returns the user of a token. Returns `None` if the token is not that of a challenge of this kind, or
/// has expired.
pub(in crate::identity) async fn challenged_user(
    database: &Database,
    token: &MailToken,
    kind: challenges::Kind,
    now: Timestamp,
) -> Result<Option<ChallengedUser>> {
    let challenge = challenges::Entity::find()
        .filter(challenges::Column::UserId.eq(token.user_id))
        .filter(challenges::Column::Id.eq(token.challenge_id))
        .one(database.reads())
        .await?;
    let Some(challenge) = challenge.filter(|challenge| token.answers(challenge, kind, now)) else {
        return Ok(None);
    };
    let email = emails::Entity::find_by_id((challenge.user_id, challenge.email_id))
        .one(database.reads())
        .await?;
    let user = any_user_by_id(database, token.user_id).await?;
    let user = user.filter(|user| user.disabled_at.is_none());
    Ok(user.zip(email).map(|(user, email)| ChallengedUser {
        user,
        challenge,
        email,
    }))
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
