//! The guard: from a request's credentials to a viewer, or to the reason why there is none.

use std::sync::Arc;

use async_graphql::Context;
use tokio::sync::Notify;

use super::{
    IdentityProvider, access_tokens,
    authorization::Authorization,
    device::Device,
    entity::sessions,
    sessions::cookies::{Carried, Cookies},
    unscoped,
};
use crate::{
    clock::Timestamp,
    error::{Error, Reason, Result},
    id::SessionId,
    metrics::Source,
    scope::Viewer,
};

/// Older than every generation of a session's tokens: what names a session and none of its tokens.
pub(super) const UNNAMED: i32 = 0;

/// Who sent a request, as far as it says.
pub(crate) struct Caller {
    pub(crate) credentials: Credentials,
    pub(crate) device: Device,
    /// Those of the request, and of the answer.
    pub(crate) cookies: Arc<Cookies>,
    /// Told once a subscription misses nothing any more.
    pub(crate) listening: Arc<Notify>,
}

impl Caller {
    pub(crate) fn new(credentials: Credentials, device: Device, cookies: Arc<Cookies>) -> Self {
        Self {
            credentials,
            device,
            cookies,
            listening: Arc::default(),
        }
    }
}

/// What a request's credentials open.
pub(crate) enum Credentials {
    /// There are none: nobody asks.
    None,
    Viewer(Viewer),
    /// They open nothing. A token that was rightly signed still names a session.
    Refused {
        reason: Reason,
        session: Option<SessionId>,
    },
    /// A token of a trusted identity provider whose keys cannot be fetched now: it may be valid.
    Unverified {
        issuer: String,
    },
}

impl Credentials {
    /// Refuses the credentials that open nothing; a request without any is not refused.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], or [`Error::Unavailable`] when they cannot be verified now.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::None | Self::Viewer(_) => Ok(()),
            Self::Refused { reason, .. } => Err(Error::Unauthenticated(*reason)),
            Self::Unverified { .. } => Err(Error::Unavailable),
        }
    }
}

/// Whoever asks, or the reason why it is nobody.
pub(crate) fn viewer<'a>(ctx: &Context<'a>) -> Result<&'a Viewer> {
    let credentials = &caller(ctx).credentials;
    credentials.check()?;
    match credentials {
        Credentials::Viewer(viewer) => Ok(viewer),
        _ => Err(Error::Unauthenticated(Reason::NoCredentials)),
    }
}

/// Whoever asks, and is signed in: a script that was given an access token changes nobody's credentials.
pub(super) fn present<'a>(ctx: &Context<'a>) -> Result<&'a Viewer> {
    let viewer = viewer(ctx)?;
    if !viewer.is_interactive() {
        return Err(Error::Unauthenticated(Reason::InsufficientScope));
    }
    Ok(viewer)
}

/// Whoever asks, or nothing when a request carries no credentials.
pub(crate) fn viewer_or_nobody<'a>(ctx: &Context<'a>) -> Option<&'a Viewer> {
    viewer(ctx).ok()
}

/// Says that whoever asks will hear of all that happens from now on.
pub(crate) fn is_listening(ctx: &Context<'_>) {
    caller(ctx).listening.notify_one();
}

pub(super) fn caller<'a>(ctx: &Context<'a>) -> &'a Caller {
    ctx.data_unchecked()
}

impl IdentityProvider {
    /// Verifies the credentials and asks whether their session lives; those of the cookie where the
    /// `Authorization` field has none.
    ///
    /// # Errors
    /// Only when the question cannot be answered now; credentials that open nothing are an answer.
    pub(crate) async fn identify(
        &self,
        authorization: Authorization<'_>,
        cookies: &Cookies,
    ) -> Result<Credentials> {
        match authorization {
            Authorization::Absent => self.identify_by_cookie(cookies).await,
            Authorization::Bearer(token) => self.identify_by_token(token).await,
            Authorization::Malformed => {
                // Such a request may still sign in, and then a token is signed.
                self.tokens.keep_up(self.clock.now()).await;
                Ok(refused(Reason::TokenInvalid, None))
            }
        }
    }

    async fn identify_by_token(&self, token: &str) -> Result<Credentials> {
        let now = self.clock.now();
        self.tokens.keep_up(now).await;
        if let Some(presented) = access_tokens::read(token) {
            return self.identify_by_access_token(&presented, now).await;
        }
        if let Some(credentials) = self.identify_outsider(token, now).await? {
            return Ok(credentials);
        }
        let named = match self.tokens.verify(token, now).await? {
            Ok(named) => named,
            Err(reason) => return Ok(refused(reason, None)),
        };
        if named.has_expired {
            return Ok(refused(Reason::TokenExpired, Some(named.session_id)));
        }
        let session = self
            .session(named.session_id, named.generation, now)
            .await?;
        let Some(session) = session else {
            return Ok(refused(Reason::SessionEnded, Some(named.session_id)));
        };
        if session.user_id.user_id() != named.user_id {
            return Ok(refused(Reason::TokenInvalid, None));
        }
        if named.generation > session.generation {
            // The row is older than the token, as after a restored backup.
            return Ok(refused(Reason::TokenInvalid, Some(session.id)));
        }
        Ok(self.admit(&session, named.generation, now).await)
    }

    /// A personal access token names its session and proves itself by a secret. Of what is wrong with one
    /// nothing is told: whoever may know has it from its owner.
    async fn identify_by_access_token(
        &self,
        presented: &access_tokens::Presented<'_>,
        now: Timestamp,
    ) -> Result<Credentials> {
        let session = self.session(presented.id.into(), UNNAMED, now).await?;
        let Some(session) = session.filter(|session| presented.opens(session)) else {
            return Ok(refused(Reason::TokenInvalid, None));
        };
        Ok(self.admit(&session, UNNAMED, now).await)
    }

    /// The same for the cookie that names a session. One that opens nothing is taken back, so that
    /// no page is stuck with it.
    async fn identify_by_cookie(&self, cookies: &Cookies) -> Result<Credentials> {
        let Some(sealed) = cookies.session() else {
            return Ok(self.nobody().await);
        };
        let credentials = match self.session_of_cookie(sealed) {
            Some(session) => self.resume(session).await?,
            None => refused(Reason::TokenInvalid, None),
        };
        if matches!(credentials, Credentials::Refused { .. }) {
            cookies.clear(Carried::Session);
        }
        Ok(credentials)
    }

    /// The session that a cookie names.
    pub(super) fn session_of_cookie(&self, sealed: &str) -> Option<SessionId> {
        self.session_cookies.open(sealed)?.parse().ok()
    }

    /// The credentials of a request that has none. It may sign in, and then a token is signed.
    pub(crate) async fn nobody(&self) -> Credentials {
        self.tokens.keep_up(self.clock.now()).await;
        Credentials::None
    }

    /// A viewer anew, for the next operation on a stream that the session opened: the time of its
    /// token may have passed meanwhile, which ends nothing.
    ///
    /// # Errors
    /// As for [`identify`](Self::identify).
    pub(crate) async fn resume(&self, session: SessionId) -> Result<Credentials> {
        let now = self.clock.now();
        self.tokens.keep_up(now).await;
        let Some(found) = self.session(session, UNNAMED, now).await? else {
            return Ok(refused(Reason::SessionEnded, Some(session)));
        };
        Ok(self.admit(&found, UNNAMED, now).await)
    }

    /// Whoever a session was opened for, and notes that it is used.
    async fn admit(
        &self,
        session: &sessions::Model,
        generation: i32,
        now: Timestamp,
    ) -> Credentials {
        self.note_use(session, generation, now).await;
        Credentials::Viewer(self.viewer(session, now))
    }

    /// The session while it lives: the one that is remembered, or where that says too little or may
    /// not be believed, the row.
    pub(super) async fn session(
        &self,
        id: SessionId,
        generation: i32,
        now: Timestamp,
    ) -> Result<Option<Arc<sessions::Model>>> {
        let (cache, activity) = (&self.session_cache, &self.activity);
        let remembered = || Some(activity.applied(cache.get(id)?));
        let says_enough = |session: &Arc<sessions::Model>| {
            session.lives_at(now) && generation <= session.generation
        };
        if self.line.is_alive()
            && let Some(session) = remembered().filter(says_enough)
        {
            self.metrics.looked_up(Source::Memory);
            return Ok(Some(session));
        }
        self.metrics.looked_up(Source::Database);
        let reading = cache.begin_reading();
        let found = unscoped::session_by_id(&self.database, id).await?;
        let found = found.map(Arc::new);
        let used = found.clone().map(|session| activity.applied(session));
        match (found, used) {
            (Some(row), Some(session)) if session.lives_at(now) => {
                cache.remember(&reading, &row);
                Ok(Some(session))
            }
            (found, _) => {
                let ended_at = found.and_then(|session| session.ended_at);
                if cache.forget(id)
                    && let Some(ended_at) = ended_at
                {
                    // What was remembered has let nobody in since the line fell silent.
                    let age = now.since(ended_at).saturating_sub(self.line.lapsed());
                    self.metrics.revoked(age);
                }
                Ok(None)
            }
        }
    }

    /// Notes that the session is used, without waiting for the database; but for the first token of a
    /// generation it waits a little, so that other instances know of it.
    pub(super) async fn note_use(
        &self,
        session: &sessions::Model,
        generation: i32,
        now: Timestamp,
    ) {
        let activity = &self.activity;
        if activity.note(session, generation, now) {
            activity.confirmed(session.id).await;
        }
    }
}

pub(super) fn refused(reason: Reason, session: Option<SessionId>) -> Credentials {
    Credentials::Refused { reason, session }
}
