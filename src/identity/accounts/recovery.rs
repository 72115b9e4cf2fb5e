//! Recovery: a new password for a user who has forgotten theirs, by a token sent to their address.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::{
    clock::Clock,
    db::Database,
    error::{Error, FieldError, UserErrorCode},
    id::{ChallengeId, IdGenerator},
    identity::{
        access_tokens,
        credentials::{
            is_password,
            mail_token::{self, MailToken},
            password::PersonalInfo,
        },
        entity::{challenges, credentials::ActiveModel, emails, security_events::Kind},
        error::IdentityError,
        request::RequestContext,
        security_events::events,
        sessions::end::end,
        unscoped,
        users::{email_address::EmailAddress, profile, registration::password_row},
    },
    jobs::{self, Failed, Handler, Jobs, Payload},
    mail::{Links, Mail, Message},
    scope::{Filter, Set, Viewer},
};

/// The time for which a token is valid.
const TOKEN_LIFETIME: Duration = Duration::from_mins(30);

/// The parts of mail that identity uses.
#[derive(Clone)]
pub(crate) struct Outbox {
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) links: Links,
}

/// A request to reset the password of the account with an address, whether or not there is one.
#[derive(Deserialize, Serialize)]
pub(crate) struct PasswordResetRequest {
    email: String,
}

impl Payload for PasswordResetRequest {
    const KIND: &'static str = "password_reset";
}

impl Accounts {
    /// Requests a token that resets the password of the account with the address. The same is stored
    /// and answered if there is no account: a job looks for it later.
    ///
    /// # Errors
    /// Returns `MAIL_DISABLED`, `EMAIL_INVALID` and `RATE_LIMITED`.
    pub(in crate::identity) async fn request_password_reset(
        &self,
        context: &RequestContext,
        email: &str,
    ) -> Result<(), IdentityError> {
        let outbox = self.outbox()?;
        let email = EmailAddress::parse(email).map_err(|error| error.at("email"))?;
        self.rate_limits
            .check_mail_request(&context.device, email.normalized())
            .await?;
        let request = PasswordResetRequest {
            email: email.as_str().to_owned(),
        };
        let job = outbox.jobs.create(&request, self.clock.now());
        Ok(jobs::store(&self.database, job).await?)
    }

    /// Sets a new password by a token. Ends all sessions, and revokes all personal access tokens.
    ///
    /// # Errors
    /// Returns `TOKEN_INVALID` alike for a token that is malformed, expired, used or replaced by a newer
    /// one, and `PASSWORD_TOO_WEAK`.
    pub(in crate::identity) async fn reset_password(
        &self,
        context: &RequestContext,
        token: &str,
        new_password: &str,
    ) -> Result<(), IdentityError> {
        self.outbox()?;
        let now = self.clock.now();
        let token: MailToken = token.parse().map_err(|()| invalid_token())?;
        let kind = challenges::Kind::PasswordReset;
        let found = unscoped::challenged_user(&self.database, &token, kind, now).await?;
        let found = found.ok_or_else(invalid_token)?;
        let person = PersonalInfo {
            email: Some(&found.email.address),
            name: found.user.name.as_deref(),
        };
        let password = self.read_new_password(new_password, person);
        let password = password.map_err(|error| error.at("newPassword"))?;
        let password_hash = self.passwords.hash(password).await?;
        let viewer = self.sessions.viewer_without_session(&found, now);
        let (challenge, email, password_hash) = (&found.challenge, &found.email, &password_hash);
        viewer
            .transaction(|viewer| async move {
                let viewer = &viewer;
                // The lock orders this change and the creation of an access token: the token is
                // created before the change, or not at all.
                viewer.lock_user().await?;
                let this = Filter::eq(challenges::Column::Id, challenge.id);
                if viewer.delete::<challenges::Entity>(this).await?.is_empty()
                    || !profile::touch_enabled(viewer).await?
                {
                    return Err(invalid_token());
                }
                mail_token::revoke_all(viewer).await?;
                set_password(viewer, password_hash).await?;
                verify_email(viewer, email).await?;
                end(viewer, Filter::always()).await?;
                access_tokens::revoke_all(viewer).await?;
                let event = events::new(viewer.ids(), &context.device, Kind::PasswordReset, now);
                viewer.insert(event).await?;
                self.report_new_password(viewer).await
            })
            .await
            .map_err(|error| match error {
                // The account was deleted meanwhile.
                IdentityError::Failed(Error::Unauthenticated(_)) => invalid_token(),
                error => error,
            })?;
        if let Some(email) = &email.normalized {
            self.rate_limits
                .forget_failures(&context.device, email)
                .await;
        }
        Ok(())
    }

    /// # Errors
    /// Returns `MAIL_DISABLED` if no mail can be sent.
    fn outbox(&self) -> Result<&Outbox, IdentityError> {
        self.outbox.as_ref().ok_or_else(|| {
            let message = "This service sends no mail. Ask its operator for a new password.";
            FieldError::new(UserErrorCode::MailDisabled, message)
                .without_path()
                .into()
        })
    }
}

/// Replaces the viewer's password, or inserts the first one.
async fn set_password(viewer: &Viewer, hash: &str) -> Result<(), IdentityError> {
    let changed = ActiveModel {
        data: Set(hash.to_owned()),
        ..Default::default()
    };
    if viewer.update(changed, is_password()).await?.is_empty() {
        let password = password_row(viewer.ids(), viewer.owner(), hash.to_owned(), viewer.now());
        viewer.insert(password).await?;
    }
    Ok(())
}

/// Records that the viewer receives mail at the address.
async fn verify_email(viewer: &Viewer, email: &emails::Model) -> Result<(), IdentityError> {
    let verified = emails::ActiveModel {
        verified_at: Set(Some(viewer.now())),
        ..Default::default()
    };
    let unverified = Filter::is_null(emails::Column::VerifiedAt);
    let this = Filter::eq(emails::Column::Id, email.id).and(unverified);
    viewer.update(verified, this).await?;
    Ok(())
}

fn invalid_token() -> IdentityError {
    let message = "This link is not valid any more. Request a new one.";
    FieldError::new(UserErrorCode::TokenInvalid, message)
        .at("token")
        .into()
}

/// Answers requests to reset a password: sends a token to the address, if it has an account.
pub(crate) struct PasswordResets {
    pub(crate) database: Database,
    pub(crate) clock: Clock,
    pub(crate) outbox: Outbox,
    pub(crate) ids: IdGenerator,
}

impl Handler for PasswordResets {
    type Payload = PasswordResetRequest;

    async fn run(&self, request: PasswordResetRequest) -> Result<(), Failed> {
        let Ok(email) = EmailAddress::parse(&request.email) else {
            return Ok(());
        };
        let Some(email) = unscoped::email_by_address(&self.database, &email).await? else {
            return Ok(());
        };
        let now = self.clock.now();
        let (owner, id) = (email.user_id, ChallengeId::new(&self.ids, now));
        let token = MailToken::generate(owner.user_id(), id)?;
        let challenge = challenges::ActiveModel {
            user_id: Set(owner),
            id: Set(id),
            kind: Set(challenges::Kind::PasswordReset),
            secret_digest: Set(token.secret_digest()),
            email_id: Set(email.id),
            created_at: Set(now),
            expires_at: Set(now.plus(TOKEN_LIFETIME)),
        };
        let mail = Mail {
            to: email.recipient(),
            message: Message::ResetPassword {
                link: self.outbox.links.reset_password(&token.to_string()),
            },
            expires_at: Some(now.plus(TOKEN_LIFETIME).as_millis()),
        };
        let mail = self.outbox.jobs.create(&mail, now);
        unscoped::store_challenge(&self.database, challenge, mail).await?;
        Ok(())
    }
}
