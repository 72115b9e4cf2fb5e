//! Authentication: from a request's credentials to a viewer, or to the reason why there is none.

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
    error::{Reason, Result},
    id::{Ids, SessionKey},
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
        ids: Arc<Ids>,
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

    /// Authenticates a request by its `Authorization` field, or by the cookie if the field has no credentials.
    ///
    /// # Errors
    /// If the credentials cannot be checked now. Invalid credentials are no error.
    pub(crate) async fn authenticate(
        &self,
        authorization: Authorization<'_>,
        cookies: &Cookies,
    ) -> Result<Authentication> {
        match authorization {
            Authorization::Absent => self.authenticate_cookie(cookies).await,
            Authorization::Bearer(token) => self.authenticate_token(token).await,
            Authorization::Malformed => {
                // Such a request may still sign in, and then a token is signed.
                self.tokens.refresh_if_stale(self.clock.now()).await;
                Ok(refused(Reason::TokenInvalid, None))
            }
        }
    }

    /// Returns the authentication of a request without credentials. It may sign in, and then a token is signed.
    pub(crate) async fn anonymous(&self) -> Authentication {
        self.tokens.refresh_if_stale(self.clock.now()).await;
        Authentication::Anonymous
    }

    /// Authenticates the next operation on a stream that the session opened. The stream's token may have expired
    /// since.
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
            return Ok(refused(Reason::SessionEnded, Some(session)));
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
            return Ok(refused(Reason::TokenExpired, Some(named.session)));
        }
        let session = self
            .sessions
            .find_active(named.session, named.generation, now)
            .await?;
        let Some(session) = session else {
            return Ok(refused(Reason::SessionEnded, Some(named.session)));
        };
        if named.generation > session.generation {
            // The row is older than the token, as after a restored backup.
            return Ok(refused(Reason::TokenInvalid, Some(session.key())));
        }
        let viewer = self
            .sessions
            .use_session(&session, named.generation, now)
            .await;
        Ok(Authentication::Viewer(viewer))
    }

    /// Authenticates by a personal access token, which names its session and proves itself by a secret. Every failure has
    /// the same reason: only the owner may know more.
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
            return Ok(refused(Reason::TokenInvalid, None));
        };
        let viewer = self
            .sessions
            .use_session(&session, ANY_GENERATION, now)
            .await;
        Ok(Authentication::Viewer(viewer))
    }

    /// Authenticates by the session cookie. An invalid cookie is cleared, so that a page does not send it again and
    /// again.
    async fn authenticate_cookie(&self, cookies: &Cookies) -> Result<Authentication> {
        let Some(cookie) = cookies.session() else {
            return Ok(self.anonymous().await);
        };
        let authentication = match self.sessions.read_cookie(cookie) {
            Some(session) => self.resume(session).await?,
            None => refused(Reason::TokenInvalid, None),
        };
        if matches!(authentication, Authentication::Refused { .. }) {
            cookies.clear(CookieKind::Session);
        }
        Ok(authentication)
    }
}

fn refused(reason: Reason, session: Option<SessionKey>) -> Authentication {
    Authentication::Refused { reason, session }
}
