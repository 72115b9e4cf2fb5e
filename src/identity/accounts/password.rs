//! The operations that require the current password: changing it, and deleting the account.

use super::Accounts;
use crate::{
    error::{FieldError, UserErrorCode},
    id::UserId,
    identity::{
        credentials::password::{Password, PasswordVerified},
        entity::{identities, security_events::Kind, sessions, users},
        error::IdentityError,
        request::device::Device,
        security_events::events,
        sessions::end::end,
        users::{email_address::EmailAddress, profile},
    },
    scope::{Filter, Query, Set, Viewer},
};

impl Accounts {
    /// Changes the password of the viewer, whose row is `user`. Ends the other sessions if
    /// `revoke_other_sessions` is true. Returns the number of ended sessions.
    pub(in crate::identity) async fn change_password(
        &self,
        viewer: &Viewer,
        device: &Device,
        user: users::Model,
        current: Password,
        new: Password,
        revoke_other_sessions: bool,
    ) -> Result<u64, IdentityError> {
        has_password(viewer, &user, "currentPassword").await?;
        let verified = self
            .verify(device, user, current, "currentPassword")
            .await?;
        let password_hash = self.passwords.hash(new).await?;
        let (verified, password_hash) = (&verified, &password_hash);
        viewer
            .transaction(|viewer| async move {
                let viewer = &viewer;
                let row = users::ActiveModel {
                    password_hash: Set(Some(password_hash.clone())),
                    updated_at: Set(viewer.now()),
                    ..Default::default()
                };
                let unchanged = Filter::eq(users::Column::PasswordHash, verified.password_hash());
                if viewer.update(row, unchanged).await?.is_empty() {
                    return Err(wrong_password("currentPassword"));
                }
                let event = events::new(viewer.ids(), device, Kind::PasswordChanged, viewer.now());
                viewer.insert(event).await?;
                if !revoke_other_sessions {
                    return Ok(0);
                }
                let others = Filter::ne(sessions::Column::Id, viewer.session_id());
                Ok(end(viewer, others).await?.len() as u64)
            })
            .await
    }

    /// Deletes the account and, by foreign keys, all rows that the user owns.
    pub(in crate::identity) async fn delete_account(
        &self,
        viewer: &Viewer,
        device: &Device,
        password: Password,
        confirm_email: &str,
    ) -> Result<UserId, IdentityError> {
        let user = profile::me(viewer).await?;
        has_password(viewer, &user, "password").await?;
        let confirmed = EmailAddress::parse(confirm_email)
            .is_ok_and(|email| Some(email.normalized()) == user.email_normalized.as_deref());
        if !confirmed {
            return Err(FieldError::new(
                UserErrorCode::Invalid,
                "This is not the address of the account. Type it again.",
            )
            .at("confirmEmail")
            .into());
        }
        let verified = self.verify(device, user, password, "password").await?;
        let unchanged = Filter::eq(users::Column::PasswordHash, verified.password_hash());
        let unchanged = &unchanged;
        viewer
            .transaction(|viewer| async move {
                let viewer = &viewer;
                // A change of a task locks the change log and then, by the foreign key, the user.
                // The same order here prevents a deadlock.
                viewer.lock_user().await?;
                if viewer
                    .delete::<users::Entity>(unchanged.clone())
                    .await?
                    .is_empty()
                {
                    return Err(wrong_password("password"));
                }
                Ok(viewer.user_id())
            })
            .await
    }

    async fn verify(
        &self,
        device: &Device,
        user: users::Model,
        password: Password,
        field: &str,
    ) -> Result<PasswordVerified, IdentityError> {
        let owner = user.id;
        let email = user.email_normalized.as_deref().unwrap_or_default();
        let attempt = self
            .rate_limits
            .check_password_attempt(device, email, Some(owner.user_id()))
            .await?;
        let verified = attempt
            .verify(&self.passwords, Some(user), password)
            .await?;
        verified.ok_or_else(|| {
            self.record_failure_later(device, owner);
            wrong_password(field)
        })
    }
}

/// Checks that the account has a password. For an external user, the error names the identity
/// provider.
async fn has_password(
    viewer: &Viewer,
    user: &users::Model,
    field: &str,
) -> Result<(), IdentityError> {
    if user.password_hash.is_some() {
        return Ok(());
    }
    let identity = viewer.find_one::<identities::Entity>(Query::all()).await?;
    let issuer = identity.map_or_else(String::new, |identity| format!(", {}", identity.issuer));
    let message = format!(
        "This account has no password here: you sign in through another identity provider{issuer}. Use the \
         provider for this, or ask the operator of this service."
    );
    let fault = FieldError::new(UserErrorCode::NoPassword, message);
    Err(fault.at(field).into())
}

fn wrong_password(field: &str) -> IdentityError {
    FieldError::new(
        UserErrorCode::InvalidCredentials,
        "This is not the current password.",
    )
    .at(field)
    .into()
}
