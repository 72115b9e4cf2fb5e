//! Authentication: verifies a request's credentials and returns its viewer or the reason for
//! rejection.

mod external;

use std::sync::Arc;

use self::external::ExternalSessions;
use super::{
    access_tokens,
    federation::Federation,
    request::{
        Authentication,
        authorization::Authorization,
        cookies::{CookieKind, Cookies},
    },
    sessions::{Sessions, active::ANY_GENERATION},
    tokens::Tokens,
};
use crate::{
    clock::{Clock, Timestamp},
    db::Database,
    error::{AuthFailure, Result},
    id::{IdGenerator, SessionKey},
};

/// Authenticates requests.
pub(crate) struct Authenticator {
    clock: Clock,
    tokens: Arc<Tokens>,
    sessions: Arc<Sessions>,
    federation: Federation,
    external: ExternalSessions,
}

impl Authenticator {
    pub(in crate::identity) fn new(
        database: Database,
        clock: Clock,
        ids: Arc<IdGenerator>,
        tokens: Arc<Tokens>,
        sessions: Arc<Sessions>,
        federation: Federation,
    ) -> Self {
        Self {
            external: ExternalSessions::new(database, ids, Arc::clone(&sessions)),
            clock,
            tokens,
            sessions,
            federation,
        }
    }

    /// Authenticates a request by its `Authorization` field, or by the session cookie if the field
    /// is missing or has no token.
    ///
    /// # Errors
    /// If the credentials cannot be checked now. Invalid credentials are not an error.
    pub(crate) async fn authenticate(
        &self,
        authorization: Authorization<'_>,
        cookies: &Cookies,
    ) -> Result<Authentication> {
        match authorization {
            Authorization::Absent => self.authenticate_cookie(cookies).await,
            Authorization::Bearer(token) => self.authenticate_token(token).await,
            Authorization::Malformed => {
                // The request may still sign in, which signs a token.
                self.tokens.refresh_if_stale(self.clock.now()).await;
                Ok(refused(AuthFailure::TokenInvalid, None))
            }
        }
    }

    /// Authenticates a request without credentials as anonymous. Refreshes the signing keys, since
    /// the request may sign in.
    pub(crate) async fn anonymous(&self) -> Authentication {
        self.tokens.refresh_if_stale(self.clock.now()).await;
        Authentication::Anonymous
    }

    /// Authenticates the next operation on a stream that the session opened. The token that opened
    /// the stream may have expired since.
    ///
    /// # Errors
    /// As for [`authenticate`](Self::authenticate).
    pub(crate) async fn resume(&self, session: SessionKey) -> Result<Authentication> {
        let now = self.clock.now();
        self.tokens.refresh_if_stale(now).await;
        let Some(found) = self
            .sessions
            .find_active(session, ANY_GENERATION, now)
            .await?
        else {
            return Ok(refused(AuthFailure::SessionEnded, Some(session)));
        };
        let viewer = self.sessions.use_session(&found, ANY_GENERATION, now).await;
        Ok(Authentication::Viewer(viewer))
    }

    async fn authenticate_token(&self, token: &str) -> Result<Authentication> {
        let now = self.clock.now();
        self.tokens.refresh_if_stale(now).await;
        if let Some(parsed) = access_tokens::parse(token) {
            return self.authenticate_access_token(&parsed, now).await;
        }
        if let Some(external) = self.federation.verify(token, now).await {
            return self.external.authenticate(external, now).await;
        }
        let named = match self.tokens.verify(token, now).await? {
            Ok(named) => named,
            Err(reason) => return Ok(refused(reason, None)),
        };
        if named.has_expired {
            return Ok(refused(AuthFailure::TokenExpired, Some(named.session)));
        }
        let session = self
            .sessions
            .find_active(named.session, named.generation, now)
            .await?;
        let Some(session) = session else {
            return Ok(refused(AuthFailure::SessionEnded, Some(named.session)));
        };
        if named.generation > session.generation {
            // The row is older than the token, for example after a backup was restored.
            return Ok(refused(AuthFailure::TokenInvalid, Some(session.key())));
        }
        let viewer = self
            .sessions
            .use_session(&session, named.generation, now)
            .await;
        Ok(Authentication::Viewer(viewer))
    }

    /// Authenticates by a personal access token, which consists of a session key and a secret.
    /// Every failure has the same reason, so that it reveals nothing about the session.
    async fn authenticate_access_token(
        &self,
        parsed: &access_tokens::ParsedToken<'_>,
        now: Timestamp,
    ) -> Result<Authentication> {
        let session = self
            .sessions
            .find_active(parsed.session(), ANY_GENERATION, now)
            .await?;
        let Some(session) = session.filter(|session| parsed.opens(session)) else {
            return Ok(refused(AuthFailure::TokenInvalid, None));
        };
        let viewer = self
            .sessions
            .use_session(&session, ANY_GENERATION, now)
            .await;
        Ok(Authentication::Viewer(viewer))
    }

    /// Authenticates by the session cookie. Clears an invalid cookie, so that the browser stops
    /// sending it.
    async fn authenticate_cookie(&self, cookies: &Cookies) -> Result<Authentication> {
        let Some(cookie) = cookies.session() else {
            return Ok(self.anonymous().await);
        };
        let authentication = match self.sessions.read_cookie(cookie) {
            Some(session) => self.resume(session).await?,
            None => refused(AuthFailure::TokenInvalid, None),
        };
        if matches!(authentication, Authentication::Refused { .. }) {
            cookies.clear(CookieKind::Session);
        }
        Ok(authentication)
    }
}

fn refused(reason: AuthFailure, session: Option<SessionKey>) -> Authentication {
    Authentication::Refused { reason, session }
}
