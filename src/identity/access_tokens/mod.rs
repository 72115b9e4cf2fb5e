//! Personal access tokens, for scripts. Each is a row of `sessions` with a secret of its own, so it is
//! cached, and its end is announced, like any session.

mod graphql;
mod mutations;

use crate::{
    clock::Timestamp,
    error::{AuthFailure, Error, FieldError, Result, UserErrorCode},
    id::{AccessTokenId, SessionId, SessionKey, TypedId, UserId},
    identity::{
        credentials::secret_token,
        entity::{
            security_events,
            sessions::{self, Kind, Scope},
        },
        error::IdentityError,
        lifetimes,
        request::device::Device,
        security_events::events,
        sessions::{activity::Activity, own_sessions},
        users::name::Name,
    },
    scope::{Filter, Query, Viewer},
};

pub(crate) use graphql::AccessToken;
pub(crate) use mutations::AccessTokenMutation;

/// The prefix of every token, by which secret scanners find leaked tokens.
const SECRET_PREFIX: &str = "cubby_pat_";

/// The maximum number of unexpired tokens of one user.
const MAX_ACCESS_TOKENS: u64 = 100;

/// The parts of a token that a request presents.
pub(super) struct ParsedToken<'a> {
    id: AccessTokenId,
    user_id: UserId,
    secret: &'a str,
}

/// Parses a token: `cubby_pat_`, the 26 characters of its id, `_`, the 26 characters of the user's id,
/// `_`, and the secret. Returns `None` for any other text.
pub(super) fn parse(token: &str) -> Option<ParsedToken<'_>> {
    let (id, rest) = token.strip_prefix(SECRET_PREFIX)?.split_once('_')?;
    let (user_id, secret) = rest.split_once('_')?;
    Some(ParsedToken {
        id: AccessTokenId::from_suffix(id)?,
        user_id: UserId::from_suffix(user_id)?,
        secret,
    })
}

impl ParsedToken<'_> {
    /// Returns the key of the token's session. The secret is not verified yet.
    pub(super) fn session(&self) -> SessionKey {
        SessionKey {
            user_id: self.user_id,
            session_id: self.id.into(),
        }
    }

    /// Returns true if the session is a personal access token with this secret. Compares in constant
    /// time.
    pub(super) fn opens(&self, session: &sessions::Model) -> bool {
        let stored = session.secret_digest.as_ref();
        session.kind == Kind::AccessToken
            && stored.is_some_and(|stored| secret_token::matches(self.secret, stored))
    }
}

/// Returns the beginning of a token, which identifies it and is not secret.
fn prefix(id: AccessTokenId) -> String {
    format!("{SECRET_PREFIX}{}", id.suffix())
}

/// The fields of a new token.
struct NewToken {
    name: Name,
    scope: Scope,
    /// The expiry; `None` for a token that does not expire.
    expires_at: Option<Timestamp>,
}

/// Creates a token. Returns its row and its text, which is not stored.
async fn create(
    viewer: &Viewer,
    activity: &Activity,
    device: &Device,
    new: NewToken,
) -> std::result::Result<(sessions::Model, String), IdentityError> {
    let secret = secret_token::generate()?;
    let now = viewer.now();
    let id = AccessTokenId::new(viewer.ids(), now);
    let expires_at = new.expires_at.unwrap_or(lifetimes::NO_EXPIRY);
    let owner = viewer.owner();
    let row = sessions::Model {
        label: Some(new.name.into_string()),
        user_agent: device.user_agent(),
        ip_address: device.ip_address(),
        last_active_at: lifetimes::NEVER_USED,
        idle_expires_at: expires_at,
        kind: Kind::AccessToken,
        scope: new.scope,
        secret_digest: Some(secret_token::digest_of(&secret)),
        ..sessions::Model::new(id.into(), owner, now, expires_at)
    }
    .into_insert();
    let row = &row;
    let stored = viewer
        .transaction(|viewer| async move {
 let viewer = &viewer;
            // The lock serializes concurrent creations, so that each counts the earlier ones.
            viewer.lock_user().await?;
            // If the user was disabled or signed out meanwhile, no token is left behind.
            let session = own_sessions::find_active(viewer, activity, viewer.session_id()).await?;
            session.ok_or(Error::Unauthenticated(AuthFailure::SessionEnded))?;
            // Expired tokens do not count towards the maximum.
            let expired = is_token().and(own_sessions::active(viewer.now()).not());
            viewer.delete::<sessions::Entity>(expired).await?;
            if viewer.count(all(viewer)).await? >= MAX_ACCESS_TOKENS {
                let message =
                    format!("There are already {MAX_ACCESS_TOKENS} access tokens, the maximum. Revoke one that is not used.");
                return Err(FieldError::new(UserErrorCode::LimitReached, message)
                    .without_path()
                    .into());
            }
            note(viewer, device, security_events::Kind::AccessTokenCreated).await?;
            Ok::<_, IdentityError>(viewer.insert(row.clone()).await?)
        })
        .await?;
    let user_id = owner.user_id().suffix();
    Ok((stored, format!("{}_{user_id}_{secret}", prefix(id))))
}

/// Deletes a token.
async fn revoke(
    viewer: &Viewer,
    device: &Device,
    id: Option<AccessTokenId>,
) -> std::result::Result<AccessTokenId, IdentityError> {
    let not_found = || {
        let message = "There is no such access token.";
        IdentityError::from(FieldError::new(UserErrorCode::NotFound, message).at("id"))
    };
    let id = id.ok_or_else(not_found)?;
    viewer
        .transaction(|viewer| async move {
            let viewer = &viewer;
            // The event comes first, because it locks the user. The deletion of an account locks in the
            // same order, which prevents a deadlock.
            note(viewer, device, security_events::Kind::AccessTokenRevoked).await?;
            let which = Filter::eq(sessions::Column::Id, SessionId::from(id)).and(is_token());
            let removed = viewer.delete::<sessions::Entity>(which).await?;
            if removed.is_empty() {
                return Err(not_found());
            }
            Ok(id)
        })
        .await
}

/// Deletes all tokens of the viewer.
pub(super) async fn revoke_all(viewer: &Viewer) -> Result<()> {
    viewer
        .delete::<sessions::Entity>(is_token())
        .await
        .map(drop)
}

async fn note(viewer: &Viewer, device: &Device, kind: security_events::Kind) -> Result<()> {
    let event = events::new(viewer.ids(), device, kind, viewer.now());
    viewer.insert(event).await.map(drop)
}

/// Matches the viewer's tokens that have not expired.
pub(super) fn all(viewer: &Viewer) -> Query<sessions::Entity> {
    Query::filter(is_token().and(own_sessions::active(viewer.now())))
}

fn is_token() -> Filter<sessions::Entity> {
    Filter::eq(sessions::Column::Kind, Kind::AccessToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_prefix_two_ids_and_secret() {
        let parsed =
            parse("cubby_pat_01h2xcejqtf2nbrexx3vqjhp41_01h2xcejqtf2nbrexx3vqjhp42_a_b-c").unwrap();
        assert_eq!(parsed.id.to_string(), "token_01h2xcejqtf2nbrexx3vqjhp41");
        assert_eq!(
            parsed.user_id.to_string(),
            "user_01h2xcejqtf2nbrexx3vqjhp42"
        );
        assert_eq!(parsed.secret, "a_b-c");
        assert_eq!(prefix(parsed.id), "cubby_pat_01h2xcejqtf2nbrexx3vqjhp41");
        for text in [
            "",
            "cubby_pat_",
            "cubby_pat_01h2xcejqtf2nbrexx3vqjhp41",
            "cubby_pat_01h2xcejqtf2nbrexx3vqjhp41_a",
            "cubby_pat_01h2xcejqtf2nbrexx3vqjhp41_01h2xcejqtf2nbrexx3vqjhp42",
            "cubby_pat_01H2XCEJQTF2NBREXX3VQJHP41_01h2xcejqtf2nbrexx3vqjhp42_a",
            "cubby_pat_token_01h2xcejqtf2nbrexx3vqjhp41_01h2xcejqtf2nbrexx3vqjhp42_a",
            "01h2xcejqtf2nbrexx3vqjhp41_01h2xcejqtf2nbrexx3vqjhp42_a",
            "a.b.c",
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
