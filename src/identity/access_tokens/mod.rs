//! Personal access tokens, for scripts: each is a session that a secret of its own opens, so that it ends,
//! is remembered and is announced as every session is.

mod graphql;
mod mutations;

use aws_lc_rs::{constant_time, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    clock::Timestamp,
    error::{Error, Fault, Reason, Result, UserErrorCode},
    id::{AccessTokenId, SessionId, SessionKey, TypedId, UserId},
    identity::{
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

/// What every token begins with, so that a search for secrets that went astray finds it.
const MARK: &str = "cubby_pat_";

/// How many a person may have.
const MAX_ACCESS_TOKENS: u64 = 100;

/// What was made of a token that came with a request.
pub(super) struct ParsedToken<'a> {
    id: AccessTokenId,
    user_id: UserId,
    secret: &'a str,
}

/// Reads `cubby_pat_`, the 26 characters of the token's id, `_`, the 26 of its user's, `_`, and the secret.
pub(super) fn parse(token: &str) -> Option<ParsedToken<'_>> {
    let (id, rest) = token.strip_prefix(MARK)?.split_once('_')?;
    let (user_id, secret) = rest.split_once('_')?;
    Some(ParsedToken {
        id: AccessTokenId::from_suffix(id)?,
        user_id: UserId::from_suffix(user_id)?,
        secret,
    })
}

impl ParsedToken<'_> {
    /// The session that the token opens if its secret is right.
    pub(super) fn session(&self) -> SessionKey {
        SessionKey {
            user_id: self.user_id,
            session_id: self.id.into(),
        }
    }

    /// Whether the session is the token's, and the secret is the one that it was made with.
    pub(super) fn opens(&self, session: &sessions::Model) -> bool {
        let digest = digest_of(self.secret);
        session.kind == Kind::AccessToken
            && session.secret_digest.as_ref().is_some_and(|stored| {
                constant_time::verify_slices_are_equal(stored, &digest).is_ok()
            })
    }
}

/// The beginning of a token, which names it and opens nothing.
fn prefix(id: AccessTokenId) -> String {
    format!("{MARK}{}", id.suffix())
}

/// The secret has 256 bits of its own: what is slow to reckon for a password would add nothing.
fn digest_of(secret: &str) -> Vec<u8> {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    digest.as_ref().to_vec()
}

/// What making a token takes.
struct NewToken {
    name: Name,
    scope: Scope,
    /// Never, when it is nothing.
    expires_at: Option<Timestamp>,
}

/// Makes a token. Its text is told this once.
async fn create(
    viewer: &Viewer,
    activity: &Activity,
    device: &Device,
    new: NewToken,
) -> std::result::Result<(sessions::Model, String), IdentityError> {
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret)
        .map_err(|error| Error::internal(std::io::Error::other(error)))?;
    let secret = URL_SAFE_NO_PAD.encode(secret);
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
        secret_digest: Some(digest_of(&secret)),
        ..sessions::Model::new(id.into(), owner, now, expires_at)
    }
    .into_insert();
    let row = &row;
    let stored = viewer
        .transaction(|viewer| async move {
 let viewer = &viewer;
            // Of two at once the second counts the first.
            viewer.lock_log().await?;
            // And of one who is shut out at once nothing is left.
            let session = own_sessions::find_active(viewer, activity, viewer.session_id()).await?;
            session.ok_or(Error::Unauthenticated(Reason::SessionEnded))?;
            // Those that have expired count no more, and leave no row.
            let expired = is_token().and(own_sessions::active(viewer.now()).not());
            viewer.delete::<sessions::Entity>(expired).await?;
            if viewer.count(all(viewer)).await? >= MAX_ACCESS_TOKENS {
                let message =
                    format!("There are {MAX_ACCESS_TOKENS} access tokens already. Revoke one that is not used.");
                return Err(Fault::new(UserErrorCode::LimitReached, message)
                    .nowhere()
                    .into());
            }
            note(viewer, device, security_events::Kind::AccessTokenCreated).await?;
            Ok::<_, IdentityError>(viewer.insert(row.clone()).await?)
        })
        .await?;
    let user_id = owner.user_id().suffix();
    Ok((stored, format!("{}_{user_id}_{secret}", prefix(id))))
}

/// Ends a token for good.
async fn revoke(
    viewer: &Viewer,
    device: &Device,
    id: Option<AccessTokenId>,
) -> std::result::Result<AccessTokenId, IdentityError> {
    let not_found = || {
        let message = "There is no such access token.";
        IdentityError::from(Fault::new(UserErrorCode::NotFound, message).at("id"))
    };
    let id = id.ok_or_else(not_found)?;
    viewer
        .transaction(|viewer| async move {
            let viewer = &viewer;
            // The event first: it locks the person, as whoever deletes the account does first.
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

async fn note(viewer: &Viewer, device: &Device, kind: security_events::Kind) -> Result<()> {
    let event = events::new(viewer.ids(), device, kind, viewer.now());
    viewer.insert(event).await.map(drop)
}

/// Those that open something.
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
    fn a_token_is_its_mark_two_ids_and_its_secret() {
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
