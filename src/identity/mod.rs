//! Accounts: people, their passwords and sessions, and the viewer that a session opens.

mod access_tokens;
mod accounts;
mod admin;
mod authenticate;
mod authorization;
mod cleanup;
mod device;
mod email_address;
mod entity;
mod events;
mod federation;
mod follow_up;
pub(crate) mod graphql;
pub(crate) mod list;
mod moves;
pub(crate) mod mutations;
mod name;
mod password;
mod rate_limit;
mod registration;
mod secret;
mod sessions;
#[cfg(test)]
mod tests;
mod time_zone;
mod tokens;
mod unscoped;

use std::{sync::Arc, time::Duration};

use tokio_util::task::AbortOnDropHandle;

use moves::{MoveBatch, Mover};
use password::hasher::Hasher;
use rate_limit::meter::Meter;
use rate_limit::{Throttle, seconds_until};
use secret::signed_text::Seal;
use sessions::activity::{self, Activity};
use sessions::cache::SessionCache;
use sessions::cookies::Carried;
use sessions::delivery::Delivery;
use sessions::listener_poll;
use sessions::refresh_tokens::RefreshTokens;

pub(crate) use access_tokens::{AccessToken, AccessTokenMutation};
pub(crate) use accounts::home;
pub use admin::import::{ImportOptions, Imported};
pub(crate) use admin::user_seeder::UserSeeder;
pub use admin::{People, PeopleError, Person};
pub(crate) use authenticate::{Caller, Credentials, is_listening, viewer, viewer_or_nobody};
pub(crate) use authorization::Authorization;
pub(crate) use device::Device;
pub use federation::IssuerError;
pub(crate) use federation::Issuers;
pub(crate) use mutations::charge;
pub use password::HashCost;
pub use rate_limit::Throttles;
pub(crate) use rate_limit::network::Network;
pub use secret::{Secret, SecretError, Secrets};
pub(crate) use sessions::cookies::Cookies;
pub(crate) use time_zone::TimeZone;
pub use tokens::Tokens;
pub use tokens::keys::{KeyState, Keys, KeysError, ListedKey, Rotation};

use crate::{
    clock::{Clock, Timestamp},
    config::{PasswordPolicy, SignUp},
    db::{Database, Heard, Line},
    error::{Error, Result, UserError},
    id::{Ids, SessionId, UserId},
    metrics::Metrics,
    scope::{ChangeNotifier, Viewer},
};

/// How often a session may be refreshed in a minute.
const MAX_REFRESHES: u64 = 60;

/// The maximum time that the end of the process waits for the uses of sessions to be written.
const SETTLE_WITHIN: Duration = Duration::from_secs(2);

/// What the operations of one person may cost in a minute, in points.
pub(crate) const MAX_COST_PER_MINUTE: u64 = 60_000;

/// Who people are and whether they are who they say: accounts, passwords, tokens, sessions.
pub struct IdentityProvider {
    database: Database,
    clock: Clock,
    ids: Arc<Ids>,
    tokens: Tokens,
    issuers: Issuers,
    refresh_tokens: RefreshTokens,
    session_cookies: Seal,
    hasher: Hasher,
    throttle: Throttle,
    refreshes: Meter<SessionId>,
    costs: Meter<UserId>,
    password_policy: PasswordPolicy,
    sign_up: SignUp,
    changes: Arc<ChangeNotifier>,
    session_cache: Arc<SessionCache>,
    activity: Arc<Activity>,
    line: Line,
    metrics: Arc<Metrics>,
    _clearing: AbortOnDropHandle<()>,
    _writing_uses: AbortOnDropHandle<()>,
    _mover: AbortOnDropHandle<()>,
}

/// What is set of who gets in, and how.
pub(crate) struct Rules {
    pub(crate) throttles: Throttles,
    pub(crate) hash_cost: HashCost,
    pub(crate) password_policy: PasswordPolicy,
    pub(crate) sign_up: SignUp,
    pub(crate) issuers: Issuers,
    /// How tasks follow their owner's time zone.
    pub(crate) move_batch: MoveBatch,
}

/// A session that was opened or refreshed, with the tokens that its payload shows.
pub(crate) struct Opened {
    viewer: Viewer,
    session: entity::sessions::Model,
    issued: Issued,
}

/// The tokens that a payload shows; the others are in cookies.
#[derive(Default)]
struct Issued {
    /// And when it expires.
    access_token: Option<(String, Timestamp)>,
    refresh_token: Option<String>,
    refresh_token_expires_at: Option<Timestamp>,
}

/// Why a verb did not do what was asked.
pub(crate) enum Refusal {
    /// The person can put it right.
    Wrong(Vec<UserError>),
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<UserError> for Refusal {
    fn from(error: UserError) -> Self {
        Self::Wrong(vec![error])
    }
}

impl IdentityProvider {
    pub(crate) fn new(
        database: Database,
        clock: Clock,
        tokens: Tokens,
        secrets: &Secrets,
        rules: Rules,
        metrics: Arc<Metrics>,
    ) -> Self {
        let session_cache = Arc::new(SessionCache::new());
        let activity = Arc::<Activity>::default();
        let changes = {
            let cache = Arc::clone(&session_cache);
            ChangeNotifier::new(clock.clone(), move |user_id| cache.forget_those_of(user_id))
        };
        listener_poll::start(
            &changes,
            database.clone(),
            clock.clone(),
            Arc::clone(&activity),
        );
        let ids = Arc::<Ids>::default();
        let mover = Mover {
            database: database.clone(),
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            changes: Arc::clone(&changes),
            move_batch: rules.move_batch,
        };
        let line = {
            let (changes, metrics) = (Arc::clone(&changes), Arc::clone(&metrics));
            let cache = Arc::clone(&session_cache);
            Line::open(database.clone(), move |heard| match heard {
                Heard::EndOf(user_id, age) => {
                    changes.sessions_ended(user_id);
                    if let Some(age) = age {
                        metrics.revoked(age);
                    }
                }
                Heard::EndOfAnybody => {
                    cache.forget_all();
                    changes.poll.notify_one();
                }
            })
        };
        Self {
            throttle: Throttle::new(secrets.first(), rules.throttles),
            refreshes: Meter::new(MAX_REFRESHES),
            costs: Meter::new(MAX_COST_PER_MINUTE),
            refresh_tokens: RefreshTokens::new(Seal::new(secrets, "refresh-token hmac")),
            session_cookies: Seal::new(secrets, "session-cookie hmac"),
            _writing_uses: activity::start(
                Arc::clone(&activity),
                Arc::clone(&session_cache),
                database.clone(),
            ),
            changes,
            session_cache,
            activity,
            line,
            metrics,
            _clearing: cleanup::start(database.clone(), clock.clone()),
            _mover: mover.start(),
            database,
            clock,
            ids,
            tokens,
            issuers: rules.issuers,
            hasher: Hasher::start(&rules.hash_cost),
            password_policy: rules.password_policy,
            sign_up: rules.sign_up,
        }
    }

    /// Writes the uses of sessions that are not written yet, before the process ends.
    pub(crate) async fn settle(&self) {
        let writing = activity::write(&self.activity, &self.session_cache, &self.database);
        if !matches!(
            tokio::time::timeout(SETTLE_WITHIN, writing).await,
            Ok(Ok(()))
        ) {
            tracing::warn!("when sessions were last used could not be written");
        }
    }

    /// The public keys of access tokens, as a JWK set.
    pub(crate) async fn jwks(&self) -> serde_json::Value {
        let now = self.clock.now();
        self.tokens.keep_up(now).await;
        self.tokens.jwks(now)
    }

    pub(crate) fn password_policy(&self) -> PasswordPolicy {
        self.password_policy
    }

    pub(crate) fn is_sign_up_open(&self) -> bool {
        self.sign_up == SignUp::Open
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes what an operation costs from what its viewer may spend.
    ///
    /// # Errors
    /// [`Error::RateLimited`] when they have spent it.
    pub(crate) fn charge(&self, caller: &Caller, cost: u64) -> Result<()> {
        match &caller.credentials {
            Credentials::Viewer(viewer) if !self.throttle.spares(&caller.device) => {
                let now = self.clock.now();
                let taken = self.costs.take(viewer.user_id(), cost, now);
                taken.map_err(|until| Error::RateLimited(seconds_until(until, now)))
            }
            _ => Ok(()),
        }
    }

    fn viewer(&self, session: &entity::sessions::Model, now: Timestamp) -> Viewer {
        Viewer::new(
            session.grant(),
            now,
            Arc::clone(&self.ids),
            Arc::clone(&self.changes),
            &self.database,
        )
    }

    /// Issues the session's tokens. It can fail, and so comes before the commit that opens or refreshes the
    /// session.
    fn issue(&self, session: &entity::sessions::Model, now: Timestamp) -> Result<Issued> {
        if session.delivery == Delivery::Cookie {
            return Ok(Issued::default());
        }
        let (user_id, jti) = (session.user_id.user_id(), self.ids.next(now));
        Ok(Issued {
            access_token: Some(self.tokens.sign(session, user_id, jti, now)?),
            refresh_token: Some(self.refresh_tokens.issue(session)),
            refresh_token_expires_at: Some(session.ends_at()),
        })
    }

    /// Moves the tokens of a session that is stored into cookies, as far as its delivery says so.
    fn opened(
        &self,
        session: entity::sessions::Model,
        mut issued: Issued,
        now: Timestamp,
        cookies: &Cookies,
    ) -> Opened {
        match session.delivery {
            Delivery::Cookie => {
                let sealed = self.session_cookies.seal(&session.id.to_string());
                // It is not set anew as it slides: the row decides.
                cookies.set(Carried::Session, sealed, now, session.expires_at);
            }
            Delivery::Hybrid if cookies.may_be_set() => {
                if let Some(token) = issued.refresh_token.take() {
                    cookies.set(Carried::RefreshToken, token, now, session.ends_at());
                }
            }
            Delivery::Hybrid | Delivery::Bearer => {}
        }
        Opened {
            issued,
            ..self.shown(session, now)
        }
    }

    /// A session as it is, without tokens.
    fn shown(&self, session: entity::sessions::Model, now: Timestamp) -> Opened {
        Opened {
            viewer: self.viewer(&session, now),
            session,
            issued: Issued::default(),
        }
    }
}
