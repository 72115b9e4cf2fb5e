//! The operations that require the current password: changing it, and deleting the account.

use super::Accounts;
use crate::{
    error::{FieldError, UserErrorCode},
    id::UserId,
    identity::{
        credentials::{
            self, PasswordUser, mail_token,
            password::{Password, PasswordVerified},
        },
        entity::{credentials::ActiveModel, identities, security_events::Kind, sessions, users},
        error::IdentityError,
        request::device::Device,
        security_events::events,
        sessions::end::end,
        users::{email_address::EmailAddress, profile},
    },
    mail::{Mail, Message},
    scope::{Filter, Query, Set, Viewer},
};

impl Accounts {
    /// Changes the password of the viewer. Ends the other sessions if `revoke_other_sessions` is true.
    /// Returns the number of ended sessions.
    pub(in crate::identity) async fn change_password(
        &self,
        viewer: &Viewer,
        device: &Device,
        current: Password,
        new: Password,
        revoke_other_sessions: bool,
    ) -> Result<u64, IdentityError> {
        let verified = self
            .verify(viewer, device, current, "currentPassword")
            .await?;
        let password_hash = self.passwords.hash(new).await?;
        let (unchanged, password_hash) = (&verified.unchanged(), &password_hash);
        viewer
            .transaction(|viewer| async move {
                let viewer = &viewer;
                profile::touch(viewer).await?;
                let row = ActiveModel {
                    data: Set(password_hash.clone()),
                    ..Default::default()
                };
                if viewer.update(row, unchanged.clone()).await?.is_empty() {
                    return Err(wrong_password("currentPassword"));
                }
                let event = events::new(viewer.ids(), device, Kind::PasswordChanged, viewer.now());
                viewer.insert(event).await?;
                mail_token::revoke_all(viewer).await?;
                self.report_new_password(viewer).await?;
                if !revoke_other_sessions {
                    return Ok(0);
                }
                let others = Filter::ne(sessions::Column::Id, viewer.session_id());
                Ok(end(viewer, others).await?.len() as u64)
            })
            .await
    }

    /// Stores a mail that reports the new password, if the server sends mail and the viewer has an
    /// address by which they can be looked up.
    pub(super) async fn report_new_password(&self, viewer: &Viewer) -> Result<(), IdentityError> {
        let email = profile::primary_email(viewer).await?;
        let email = email.filter(|email| email.normalized.is_some());
        if let Some((outbox, email)) = self.outbox.as_ref().zip(email) {
            let message = Message::PasswordChanged {
                at: viewer.now().to_string(),
            };
            let mail = Mail {
                to: email.recipient(),
                message,
                expires_at: None,
            };
            viewer
                .enqueue(outbox.jobs.create(&mail, viewer.now()))
                .await?;
        }
        Ok(())
    }

    /// Deletes the account and, by foreign keys, all rows that the user owns.
    pub(in crate::identity) async fn delete_account(
        &self,
        viewer: &Viewer,
        device: &Device,
        password: Password,
        confirm_email: &str,
    ) -> Result<UserId, IdentityError> {
        let email = profile::primary_email(viewer).await?;
        let normalized = email.and_then(|email| email.normalized);
        let confirmed = EmailAddress::parse(confirm_email)
            .is_ok_and(|email| Some(email.normalized()) == normalized.as_deref());
        if !confirmed {
            // Without a password there is no such address, and the other error explains more.
            password_user(viewer, "password").await?;
            return Err(FieldError::new(
                UserErrorCode::Invalid,
                "This is not the address of the account. Type it again.",
            )
            .at("confirmEmail")
            .into());
        }
        let verified = self.verify(viewer, device, password, "password").await?;
        let unchanged = &verified.unchanged();
        viewer
            .transaction(|viewer| async move {
                let viewer = &viewer;
                // A change of a task locks the change log and then, by the foreign key, the user.
                // The same order here prevents a deadlock.
                viewer.lock_user().await?;
                // Locks the user before the password, like opening a session.
                profile::touch(viewer).await?;
                if viewer.delete(unchanged.clone()).await?.is_empty() {
                    return Err(wrong_password("password"));
                }
                viewer.delete::<users::Entity>(Filter::always()).await?;
                Ok(viewer.user_id())
            })
            .await
    }

    async fn verify(
        &self,
        viewer: &Viewer,
        device: &Device,
        password: Password,
        field: &str,
    ) -> Result<PasswordVerified, IdentityError> {
        let user = password_user(viewer, field).await?;
        let owner = user.user.id;
        let email = profile::primary_email(viewer).await?;
        let email = email.and_then(|email| email.normalized);
        let attempt = self
            .rate_limits
            .check_password_attempt(device, &email.unwrap_or_default(), Some(owner.user_id()))
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

/// Returns the viewer with their password.
///
/// # Errors
/// Returns `NO_PASSWORD` if the account has none. For an external user, it names the identity provider.
async fn password_user(viewer: &Viewer, field: &str) -> Result<PasswordUser, IdentityError> {
    if let Some(password) = credentials::password_of(viewer).await? {
        let user = profile::me(viewer).await?;
        return Ok(PasswordUser { user, password });
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
