//! Exchanges a refresh token for the next tokens of its session.

use super::{OpenedSession, Sessions, issue::IssuedTokens, own_sessions};
use crate::{
    error::{FieldError, Result, UserErrorCode},
    identity::{
        entity::{
            security_events::Kind,
            sessions::{self, Delivery},
        },
        error::IdentityError,
        request::{Authentication, RequestContext, cookies::CookieKind},
        security_events::events,
        unscoped::{self, Refreshed},
    },
};

impl Sessions {
    /// Exchanges the given refresh token, or the one in the cookie. A session with the delivery
    /// `COOKIE` has no refresh token, and is returned unchanged.
    pub(in crate::identity) async fn refresh(
        &self,
        context: &RequestContext,
        token: Option<&str>,
    ) -> std::result::Result<OpenedSession, IdentityError> {
        let is_cookie = token.is_none();
        let refused = |code| {
            if is_cookie {
                // The page would send an invalid cookie again and again.
                context.cookies.clear(CookieKind::RefreshToken);
            }
            refused(code)
        };
        let invalid = || refused(UserErrorCode::TokenInvalid);
        let token = match (token, context.cookies.refresh_token()) {
            (Some(token), _) => token,
            (None, Some(token)) => {
                // Without cookies, the next refresh token would be in the payload, where scripts
                // can read it.
                let allowed = context.cookies.check_delivery(Delivery::Hybrid);
                allowed.map_err(|fault| fault.at("refreshToken"))?;
                token
            }
            (None, None) => return self.unchanged(context).await?.ok_or_else(invalid),
        };
        let now = self.clock.now();
        let claims = self.issuer.read_refresh_token(token).ok_or_else(invalid)?;
        self.rate_limits
            .check_refresh(&context.device, claims.session)?;
        let reuse = events::new(&self.ids, &context.device, Kind::RefreshTokenReused, now);
        let refreshed = unscoped::refresh(
            &self.database,
            claims,
            |session| self.active.activity.apply(session),
            reuse,
            now,
            |session: &sessions::Model| self.issuer.issue(session, now),
        );
        match refreshed.await? {
            Refreshed::Session(session, tokens) => {
                Ok(self.with_tokens(*session, tokens, now, &context.cookies))
            }
            Refreshed::Reused => Err(refused(UserErrorCode::TokenReused)),
            Refreshed::Ended => Err(invalid()),
        }
    }

    /// Returns the session whose cookie authenticated the request.
    async fn unchanged(&self, context: &RequestContext) -> Result<Option<OpenedSession>> {
        let Authentication::Viewer(viewer) = &context.authentication else {
            return Ok(None);
        };
        let session =
            own_sessions::find_active(viewer, &self.active.activity, viewer.session_id()).await?;
        let session = session.filter(|session| session.delivery == Delivery::Cookie);
        Ok(session.map(|session| OpenedSession {
            viewer: self.viewer(&session, viewer.now()),
            session,
            tokens: IssuedTokens::default(),
        }))
    }
}

fn refused(code: UserErrorCode) -> IdentityError {
    let message = match code {
        UserErrorCode::TokenReused => {
            "The refresh token was used twice, so the session has ended. Sign in again."
        }
        _ => "The refresh token is invalid or has expired. Sign in again.",
    };
    FieldError::new(code, message).at("refreshToken").into()
}
