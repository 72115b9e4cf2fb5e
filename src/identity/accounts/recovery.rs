//! Recovery: a new password for a user who has forgotten theirs, by a token sent to their address.

use std::{str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::Accounts;
use crate::{
    clock::{Clock, Timestamp},
    db::Database,
    error::{FieldError, UserErrorCode},
    id::{ChallengeId, IdGenerator, TypedId, UserId},
    identity::{
        credentials::{password::PersonalInfo, secret_token},
        entity::{challenges, security_events::Kind},
        error::IdentityError,
        request::RequestContext,
        security_events::events,
        unscoped::{self, ResetPassword},
        users::{email_address::EmailAddress, registration::password_row},
    },
    jobs::{Failed, Handler, Jobs, Payload},
    mail::{Links, Mail, Message},
    scope::Set,
};

/// The time for which a token is valid.
const TOKEN_LIFETIME: Duration = Duration::from_mins(30);

/// The parts of mail that identity uses.
#[derive(Clone)]
pub(crate) struct Outbox {
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) links: Links,
}

/// A token that was sent by mail: the ids of the user and of the challenge, and the secret.
pub(in crate::identity) struct MailToken {
    pub(in crate::identity) user_id: UserId,
    pub(in crate::identity) challenge_id: ChallengeId,
    secret: String,
}

impl MailToken {
    /// Returns true if the challenge is of this kind and for this token, and has not expired.
    pub(in crate::identity) fn answers(
        &self,
        challenge: &challenges::Model,
        kind: challenges::Kind,
        now: Timestamp,
    ) -> bool {
        challenge.kind == kind
            && now < challenge.expires_at
            && secret_token::matches(&self.secret, &challenge.secret_digest)
    }
}

/// Parses the 26 characters of the user's id, `_`, the 26 of the challenge's id, `_` and the secret.
impl FromStr for MailToken {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (user_id, rest) = text.split_once('_').ok_or(())?;
        let (challenge_id, secret) = rest.split_once('_').ok_or(())?;
        Ok(Self {
            user_id: UserId::from_suffix(user_id).ok_or(())?,
            challenge_id: ChallengeId::from_suffix(challenge_id).ok_or(())?,
            secret: secret.to_owned(),
        })
    }
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
        Ok(unscoped::store_job(&self.database, job).await?)
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
        let outbox = self.outbox()?;
        let now = self.clock.now();
        let found = match token.parse::<MailToken>() {
            Ok(token) => unscoped::challenged_user(&self.database, &token)
                .await?
                .filter(|found| {
                    token.answers(&found.challenge, challenges::Kind::PasswordReset, now)
                }),
            Err(()) => None,
        };
        let found = found.ok_or_else(invalid_token)?;
        let person = PersonalInfo {
            email: Some(&found.email.address),
            name: found.user.name.as_deref(),
        };
        let password = self.read_new_password(new_password, person);
        let password = password.map_err(|error| error.at("newPassword"))?;
        let owner = found.user.id;
        let mail = Mail {
            to: found.email.address,
            message: Message::PasswordChanged {
                at: now.to_string(),
            },
        };
        let mut event = events::new(&self.ids, &context.device, Kind::PasswordReset, now);
        event.user_id = Set(owner);
        let reset = ResetPassword {
            challenge: found.challenge,
            password: password_row(&self.ids, owner, self.passwords.hash(password).await?, now),
            event,
            mail: outbox.jobs.create(&mail, now),
        };
        if unscoped::reset_password(&self.database, reset, now).await? {
            Ok(())
        } else {
            Err(invalid_token())
        }
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
        let (id, secret) = (ChallengeId::new(&self.ids, now), secret_token::generate()?);
        let owner = email.user_id;
        let token = format!("{}_{}_{secret}", owner.user_id().suffix(), id.suffix());
        let challenge = challenges::ActiveModel {
            user_id: Set(owner),
            id: Set(id),
            kind: Set(challenges::Kind::PasswordReset),
            secret_digest: Set(secret_token::digest_of(&secret)),
            email_id: Set(email.id),
            created_at: Set(now),
            expires_at: Set(now.plus(TOKEN_LIFETIME)),
        };
        let mail = Mail {
            to: email.address,
            message: Message::ResetPassword {
                link: self.outbox.links.reset_password(&token),
            },
        };
        let mail = self.outbox.jobs.create(&mail, now);
        unscoped::store_challenge(&self.database, challenge, mail).await?;
        Ok(())
    }
}
