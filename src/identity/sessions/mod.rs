//! Sessions: opening, finding, refreshing and ending them.

pub(in crate::identity) mod active;
pub(in crate::identity) mod activity;
mod cache;
pub(in crate::identity) mod end;
pub(in crate::identity) mod issue;
mod listener_poll;
pub(in crate::identity) mod own_sessions;
mod refresh;
mod sign_out;

use std::{sync::Arc, time::Duration};

use tokio_util::task::AbortOnDropHandle;

use self::{
    active::ActiveSessions,
    activity::Activity,
    cache::SessionCache,
    issue::{IssuedTokens, TokenIssuer},
};
use super::{
    credentials::Authenticated,
    entity::{
        known_networks,
        security_events::{self, Kind},
        sessions::{self, Delivery},
    },
    lifetimes,
    rate_limit::RateLimits,
    request::{RequestContext, cookies::Cookies, device::Device, network::Network},
    security_events::events,
    tokens::Tokens,
    unscoped,
    users::{name::Name, registration::NewUserRows},
};
use crate::{
    clock::{Clock, Timestamp},
    crypto::secret::Secrets,
    db::{Database, SessionEnd, SessionEndListener},
    error::Result,
    id::{IdGenerator, SessionId, SessionKey},
    metrics::Metrics,
    scope::{ChangeNotifier, Grant, Owner, Set, Viewer},
};

/// The maximum time that the end of the process waits until the uses of sessions are written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The sessions of all users.
pub(crate) struct Sessions {
    database: Database,
    clock: Clock,
    ids: Arc<IdGenerator>,
    changes: Arc<ChangeNotifier>,
    active: ActiveSessions,
    issuer: TokenIssuer,
    rate_limits: Arc<RateLimits>,
    _activity_writer: AbortOnDropHandle<()>,
}

/// The options of a new session.
#[derive(Clone, Debug)]
pub(in crate::identity) struct SessionOptions {
    pub(in crate::identity) label: Option<Name>,
    pub(in crate::identity) delivery: Delivery,
    pub(in crate::identity) remember_me: bool,
}

/// A session that was opened or refreshed, with the tokens of its payload.
pub(crate) struct OpenedSession {
    pub(in crate::identity) viewer: Viewer,
    pub(in crate::identity) session: sessions::Model,
    pub(in crate::identity) tokens: IssuedTokens,
}

impl Sessions {
    pub(in crate::identity) fn start(
        database: Database,
        clock: Clock,
        ids: Arc<IdGenerator>,
        tokens: Arc<Tokens>,
        secrets: &Secrets,
        rate_limits: Arc<RateLimits>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let cache = Arc::new(SessionCache::new());
        let activity = Arc::<Activity>::default();
        let changes = ChangeNotifier::new(clock.clone());
        listener_poll::start(
            &changes,
            database.clone(),
            clock.clone(),
            Arc::clone(&activity),
        );
        let listener = {
            let (changes, metrics) = (Arc::clone(&changes), Arc::clone(&metrics));
            let cache = Arc::clone(&cache);
            SessionEndListener::start(database.clone(), move |end| match end {
                SessionEnd::User(user_id, age) => {
                    cache.remove_user(user_id);
                    changes.sessions_ended(user_id);
                    if let Some(age) = age {
                        metrics.record_revocation(age);
                    }
                }
                SessionEnd::Unknown => {
                    cache.clear();
                    changes.poll.notify_one();
                }
            })
        };
        Arc::new(Self {
            issuer: TokenIssuer::new(tokens, secrets, Arc::clone(&ids)),
            _activity_writer: activity::start(
                Arc::clone(&activity),
                Arc::clone(&cache),
                database.clone(),
            ),
            active: ActiveSessions {
                database: database.clone(),
                cache,
                activity,
                listener,
                metrics,
            },
            database,
            clock,
            ids,
            changes,
            rate_limits,
        })
    }

    /// The uses of sessions that are not written yet.
    pub(in crate::identity) fn activity(&self) -> &Arc<Activity> {
        &self.active.activity
    }

    /// The notifier of this process's viewers.
    pub(in crate::identity) fn changes(&self) -> &Arc<ChangeNotifier> {
        &self.changes
    }

    /// Writes the uses of sessions that are not written yet, before the process ends.
    pub(crate) async fn flush_activity(&self) {
        let written = activity::write(&self.active.activity, &self.active.cache, &self.database);
        if !matches!(
            tokio::time::timeout(FLUSH_TIMEOUT, written).await,
            Ok(Ok(()))
        ) {
            tracing::warn!("when sessions were last used could not be written");
        }
    }

    /// Returns the session if it is active; see [`ActiveSessions::find`].
    ///
    /// # Errors
    /// If the database cannot be asked now.
    pub(in crate::identity) async fn find_active(
        &self,
        key: SessionKey,
        generation: i32,
        now: Timestamp,
    ) -> Result<Option<Arc<sessions::Model>>> {
        self.active.find(key, generation, now).await
    }

    /// Returns the viewer of a session, and records the use of the session by a token of this generation.
    pub(in crate::identity) async fn use_session(
        &self,
        session: &sessions::Model,
        generation: i32,
        now: Timestamp,
    ) -> Viewer {
        self.active.record_activity(session, generation, now).await;
        self.viewer(session, now)
    }

    /// Returns the session that a session cookie names.
    pub(in crate::identity) fn read_cookie(&self, cookie: &str) -> Option<SessionKey> {
        self.issuer.read_cookie(cookie)
    }

    /// Opens a session for a user who has authenticated, and ends the previous session of the request. Returns nothing if
    /// the user's password has changed since, or the user was disabled.
    pub(in crate::identity) async fn open(
        self: &Arc<Self>,
        context: &RequestContext,
        authenticated: &Authenticated,
        options: SessionOptions,
    ) -> Result<Option<OpenedSession>> {
        let now = self.clock.now();
        let owner = authenticated.user().id;
        let session = self.new_session(owner, &context.device, options, now);
        let tokens = self.issuer.issue(&session, now)?;
        let event = security_events::ActiveModel {
            user_id: Set(owner),
            ..events::new(&self.ids, &context.device, Kind::SignedIn, now)
        };
        let network = network_of(&context.device, owner, now);
        let row = session.into_insert();
        let stored =
            unscoped::open_session(&self.database, authenticated, row, event, network).await?;
        let Some(session) = stored else {
            return Ok(None);
        };
        Ok(Some(self.opened(context, session, tokens, now).await))
    }

    /// Stores a new user with their first session, and ends the previous session of the request. Returns nothing if
    /// the address is taken.
    pub(in crate::identity) async fn register(
        self: &Arc<Self>,
        context: &RequestContext,
        new: NewUserRows,
        options: SessionOptions,
        now: Timestamp,
    ) -> Result<Option<OpenedSession>> {
        let session = self.new_session(new.owner, &context.device, options, now);
        let tokens = self.issuer.issue(&session, now)?;
        let network = network_of(&context.device, new.owner, now);
        let row = session.into_insert();
        let stored = unscoped::create_user(&self.database, new, row, network).await?;
        let Some(session) = stored else {
            return Ok(None);
        };
        Ok(Some(self.opened(context, session, tokens, now).await))
    }

    async fn opened(
        self: &Arc<Self>,
        context: &RequestContext,
        session: sessions::Model,
        tokens: IssuedTokens,
        now: Timestamp,
    ) -> OpenedSession {
        self.end_previous_session(context).await;
        self.with_tokens(session, tokens, now, &context.cookies)
    }

    /// Returns a session that is stored, and delivers its tokens.
    fn with_tokens(
        &self,
        session: sessions::Model,
        tokens: IssuedTokens,
        now: Timestamp,
        cookies: &Cookies,
    ) -> OpenedSession {
        OpenedSession {
            tokens: self.issuer.deliver(&session, tokens, now, cookies),
            viewer: self.viewer(&session, now),
            session,
        }
    }

    /// Returns the viewer of a user who has proved to receive mail at their address, for changes before
    /// they have a session.
    pub(in crate::identity) fn viewer_without_session(
        &self,
        proof: &unscoped::ChallengedUser,
        now: Timestamp,
    ) -> Viewer {
        let session_id = SessionId::new(&self.ids, now);
        self.viewer_of(Grant::interactive(proof.user.id, session_id), now)
    }

    fn viewer(&self, session: &sessions::Model, now: Timestamp) -> Viewer {
        self.viewer_of(session.grant(), now)
    }

    fn viewer_of(&self, grant: Grant, now: Timestamp) -> Viewer {
        Viewer::new(
            grant,
            now,
            Arc::clone(&self.ids),
            Arc::clone(&self.changes),
            &self.database,
        )
    }

    fn new_session(
        &self,
        owner: Owner,
        device: &Device,
        options: SessionOptions,
        now: Timestamp,
    ) -> sessions::Model {
        let lifetime = if options.remember_me {
            lifetimes::SESSION_LIFETIME
        } else {
            lifetimes::SHORT_SESSION_LIFETIME
        };
        let id = SessionId::new(&self.ids, now);
        sessions::Model {
            delivery: options.delivery,
            label: options.label.map(Name::into_string),
            user_agent: device.user_agent(),
            ip_address: device.ip_address(),
            ..sessions::Model::new(id, owner, now, now.plus(lifetime))
        }
    }
}

/// The row of the network that a user signs in from.
fn network_of(device: &Device, owner: Owner, now: Timestamp) -> known_networks::ActiveModel {
    known_networks::ActiveModel {
        user_id: Set(owner),
        network: Set(Network::of(device.ip_address).into_string()),
        last_used_at: Set(now),
    }
}
