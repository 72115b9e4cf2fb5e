//! The mutations of personal access tokens: creating and revoking them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{AccessToken, NewToken, Scope, create, revoke};
use crate::{
    clock::Timestamp,
    error::{FieldError, Nullable, Result, UserError, UserErrorCode},
    identity::{
        lifetimes,
        request::{request_context, require_interactive},
        sessions::activity::activity,
        users::name::Name,
    },
    input::FieldErrors,
};

/// The mutations of personal access tokens.
#[derive(Default)]
pub(crate) struct AccessTokenMutation;

#[Object]
impl AccessTokenMutation {
    /// Creates a personal access token for a script. The request must be authenticated by a session, not
    /// by a personal access token. Its user errors are `TOO_SHORT`, `TOO_LONG` and `INVALID` for `name`,
    /// `REQUIRED` for `scopes`, `OUT_OF_RANGE` for `expiresAt`, and `LIMIT_REACHED` at 100 tokens.
    async fn create_access_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name, the permissions and the expiry of the new token.")]
        input: CreateAccessTokenInput,
    ) -> Nullable<CreateAccessTokenPayload> {
        Some(input.run(ctx).await)
    }

    /// Revokes a personal access token permanently. The request must be authenticated by a session, not
    /// by a personal access token. Its user error is `NOT_FOUND`.
    async fn revoke_access_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token to revoke.")] input: RevokeAccessTokenInput,
    ) -> Nullable<RevokeAccessTokenPayload> {
        Some(input.run(ctx).await)
    }
}

/// The fields of a new personal access token.
#[derive(InputObject)]
struct CreateAccessTokenInput {
    /// The purpose of the token, such as `codegen in CI`: 1 to 100 code points after trimming, without
    /// control characters.
    name: String,
    /// The permissions of the token; `[READ]` if omitted or null. `WRITE` includes `READ`. An empty list
    /// is rejected with `REQUIRED`.
    scopes: Option<Vec<Scope>>,
    /// The time at which the token expires, in the future. If omitted or null, the token is valid until
    /// it is revoked.
    expires_at: Option<Timestamp>,
}

/// The result of `createAccessToken`.
#[derive(SimpleObject)]
struct CreateAccessTokenPayload {
    /// The new token without its secret; null if there are errors.
    access_token: Option<AccessToken>,
    /// The complete token, to be sent as `Authorization: Bearer …`; null if there are errors. No other
    /// response contains it, so store it like a password.
    token: Option<String>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl CreateAccessTokenInput {
    async fn run(self, ctx: &Context<'_>) -> Result<CreateAccessTokenPayload> {
        let viewer = require_interactive(ctx)?;
        let mut field_errors = FieldErrors::default();
        let name = field_errors.check("name", Name::parse(&self.name));
        let scope = field_errors.check("scopes", scope_of(self.scopes.as_deref()));
        let expires_at = field_errors.check("expiresAt", ahead_of(viewer.now(), self.expires_at));
        let created = match (name, scope, expires_at) {
            (Some(name), Some(scope), Some(expires_at)) => {
                let new = NewToken {
                    name,
                    scope,
                    expires_at,
                };
                create(viewer, activity(ctx), &request_context(ctx).device, new).await
            }
            _ => Err(field_errors.into()),
        };
        Ok(match created {
            Ok((row, token)) => CreateAccessTokenPayload {
                access_token: Some(AccessToken(row)),
                token: Some(token),
                user_errors: Vec::new(),
            },
            Err(error) => CreateAccessTokenPayload {
                access_token: None,
                token: None,
                user_errors: error.into_user_errors()?,
            },
        })
    }
}

fn scope_of(scopes: Option<&[Scope]>) -> std::result::Result<Scope, FieldError> {
    let scopes = scopes.unwrap_or(&[Scope::Read]);
    if scopes.contains(&Scope::Write) {
        Ok(Scope::Write)
    } else if scopes.contains(&Scope::Read) {
        Ok(Scope::Read)
    } else {
        let message = "scopes must contain READ or WRITE.";
        Err(FieldError::new(UserErrorCode::Required, message))
    }
}

fn ahead_of(
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> std::result::Result<Option<Timestamp>, FieldError> {
    match expires_at {
        Some(at) if at <= now || at >= lifetimes::NO_EXPIRY => {
            let message = "expiresAt must be in the future and before 9999-12-30. Omit it for a token that does not expire.";
            Err(FieldError::new(UserErrorCode::OutOfRange, message))
        }
        expires_at => Ok(expires_at),
    }
}

/// The personal access token to revoke.
#[derive(InputObject)]
struct RevokeAccessTokenInput {
    /// The id of the token, such as `token_01h2xcejqtf2nbrexx3vqjhp41`; not the token itself.
    id: ID,
}

/// The result of `revokeAccessToken`.
#[derive(SimpleObject)]
struct RevokeAccessTokenPayload {
    /// The id of the revoked token; null if there are errors.
    revoked_access_token_id: Option<ID>,
    /// Errors that the user can correct; empty on success.
    user_errors: Vec<UserError>,
}

impl RevokeAccessTokenInput {
    async fn run(self, ctx: &Context<'_>) -> Result<RevokeAccessTokenPayload> {
        let viewer = require_interactive(ctx)?;
        let revoked = revoke(viewer, &request_context(ctx).device, self.id.parse().ok()).await;
        let (revoked_access_token_id, user_errors) = match revoked {
            Ok(id) => (Some(id.into()), Vec::new()),
            Err(error) => (None, error.into_user_errors()?),
        };
        Ok(RevokeAccessTokenPayload {
            revoked_access_token_id,
            user_errors,
        })
    }
}
