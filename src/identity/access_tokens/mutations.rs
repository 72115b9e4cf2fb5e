//! What can be done about access tokens: making and revoking them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{AccessToken, NewToken, Scope, create, revoke};
use crate::{
    clock::Timestamp,
    error::{Fault, Nullable, Result, UserError, UserErrorCode},
    identity::{
        lifetimes,
        request::{request_context, require_interactive},
        sessions::activity::activity,
        users::name::Name,
    },
    input::Faults,
};

/// What can be done about access tokens.
#[derive(Default)]
pub(crate) struct AccessTokenMutation;

#[Object]
impl AccessTokenMutation {
    /// Makes an access token, for a script. An access token makes no other.
    async fn create_access_token(
        &self,
        ctx: &Context<'_>,
        input: CreateAccessTokenInput,
    ) -> Nullable<CreateAccessTokenPayload> {
        Some(input.run(ctx).await)
    }

    /// Ends an access token for good.
    async fn revoke_access_token(
        &self,
        ctx: &Context<'_>,
        input: RevokeAccessTokenInput,
    ) -> Nullable<RevokeAccessTokenPayload> {
        Some(input.run(ctx).await)
    }
}

#[derive(InputObject)]
struct CreateAccessTokenInput {
    /// What it is for, 1 to 100 code points.
    name: String,
    /// What its holder may do: `READ` when left out. `WRITE` is to read too.
    scopes: Option<Vec<Scope>>,
    /// When it opens nothing any more; left out or null, it goes on until it is revoked.
    expires_at: Option<Timestamp>,
}

/// The answer to `createAccessToken`.
#[derive(SimpleObject)]
struct CreateAccessTokenPayload {
    access_token: Option<AccessToken>,
    /// What is sent as `Authorization: Bearer …`. It is shown this once: keep it as a password is kept.
    token: Option<String>,
    user_errors: Vec<UserError>,
}

impl CreateAccessTokenInput {
    async fn run(self, ctx: &Context<'_>) -> Result<CreateAccessTokenPayload> {
        let viewer = require_interactive(ctx)?;
        let mut faults = Faults::default();
        let name = faults.check("name", Name::parse(&self.name));
        let scope = faults.check("scopes", scope_of(self.scopes.as_deref()));
        let expires_at = faults.check("expiresAt", ahead_of(viewer.now(), self.expires_at));
        let created = match (name, scope, expires_at) {
            (Some(name), Some(scope), Some(expires_at)) => {
                let new = NewToken {
                    name,
                    scope,
                    expires_at,
                };
                create(viewer, activity(ctx), &request_context(ctx).device, new).await
            }
            _ => Err(faults.into()),
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

fn scope_of(scopes: Option<&[Scope]>) -> std::result::Result<Scope, Fault> {
    let scopes = scopes.unwrap_or(&[Scope::Read]);
    if scopes.contains(&Scope::Write) {
        Ok(Scope::Write)
    } else if scopes.contains(&Scope::Read) {
        Ok(Scope::Read)
    } else {
        let message = "Choose what it may do: READ, or WRITE.";
        Err(Fault::new(UserErrorCode::Required, message))
    }
}

fn ahead_of(
    now: Timestamp,
    expires_at: Option<Timestamp>,
) -> std::result::Result<Option<Timestamp>, Fault> {
    match expires_at {
        Some(at) if at <= now || at >= lifetimes::NO_EXPIRY => {
            let message = "Choose a moment that is still to come, or leave it out.";
            Err(Fault::new(UserErrorCode::OutOfRange, message))
        }
        expires_at => Ok(expires_at),
    }
}

#[derive(InputObject)]
struct RevokeAccessTokenInput {
    id: ID,
}

/// The answer to `revokeAccessToken`.
#[derive(SimpleObject)]
struct RevokeAccessTokenPayload {
    revoked_access_token_id: Option<ID>,
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
