//! The summary of a user for the operator.

use std::collections::HashMap;

use serde::Serialize;

use super::{AdminError, AdminResult, UserAdmin};
use crate::{
    clock::Timestamp,
    id::UserId,
    identity::{
        entity::{sessions, users},
        unscoped,
    },
};

/// A user, as the operator sees them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserSummary {
    pub id: String,
    /// `None` if the external provider sends no address.
    pub email: Option<String>,
    pub name: Option<String>,
    pub time_zone: String,
    pub created_at: String,
    pub updated_at: String,
    /// The time at which the account was disabled.
    pub disabled_at: Option<String>,
    /// The external provider of the user, and its id for the user.
    pub issuer: Option<String>,
    pub subject: Option<String>,
    /// The number of active sessions.
    pub sessions: usize,
    pub access_tokens: usize,
}

impl UserAdmin {
    pub(super) async fn summarize_one(&self, user: users::Model) -> AdminResult<UserSummary> {
        let id = user.id.user_id();
        let summary = self.summarize(vec![user]).await?.pop();
        summary.ok_or_else(|| AdminError(format!("no user has the address or id {id}")))
    }

    pub(super) async fn summarize(
        &self,
        people: Vec<users::Model>,
    ) -> AdminResult<Vec<UserSummary>> {
        let ids: Vec<UserId> = people.iter().map(|user| user.id.user_id()).collect();
        let now = self.clock.now();
        let (mut sessions, mut tokens) = (HashMap::new(), HashMap::new());
        for session in unscoped::sessions_of(&self.database, &ids).await? {
            let counts = match session.kind {
                _ if !session.is_active_at(now) => continue,
                sessions::Kind::AccessToken => &mut tokens,
                sessions::Kind::SignIn | sessions::Kind::External => &mut sessions,
            };
            *counts.entry(session.user_id.user_id()).or_insert(0) += 1;
        }
        let mut emails = HashMap::new();
        for email in unscoped::primary_emails_of(&self.database, &ids).await? {
            emails.insert(email.user_id.user_id(), email.address);
        }
        let mut identities = HashMap::new();
        for identity in unscoped::identities_of(&self.database, &ids).await? {
            identities.insert(identity.user_id.user_id(), identity);
        }
        let text = |moment: Timestamp| moment.to_string();
        Ok(people
            .into_iter()
            .map(|user| {
                let (issuer, subject) = identities
                    .remove(&user.id.user_id())
                    .map(|identity| (identity.issuer, identity.subject))
                    .unzip();
                UserSummary {
                    id: user.id.user_id().to_string(),
                    email: emails.remove(&user.id.user_id()),
                    name: user.name,
                    time_zone: user.time_zone,
                    created_at: text(user.created_at),
                    updated_at: text(user.updated_at),
                    disabled_at: user.disabled_at.map(text),
                    issuer,
                    subject,
                    sessions: sessions.remove(&user.id.user_id()).unwrap_or(0),
                    access_tokens: tokens.remove(&user.id.user_id()).unwrap_or(0),
                }
            })
            .collect())
    }
}
