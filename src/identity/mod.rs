//! Identity: users, their credentials and sessions, and the authentication of requests.

mod access_tokens;
mod accounts;
mod admin;
mod authenticate;
mod cleanup;
mod credentials;
mod entity;
mod error;
mod federation;
mod follow_up;
pub(crate) mod graphql;
mod lifetimes;
mod moves;
pub(crate) mod mutations;
mod rate_limit;
mod request;
mod security_events;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;
mod unscoped;
mod users;

use std::sync::Arc;

use async_graphql::{ObjectType, SchemaBuilder, SubscriptionType};
use tokio_util::task::AbortOnDropHandle;

use self::{
    authenticate::Authenticator,
    credentials::password::Passwords,
    moves::{DueMover, MoveBatch},
    rate_limit::RateLimits,
    sessions::Sessions,
};
use crate::{
    clock::Clock,
    config::{PasswordPolicy, SignUp},
    crypto::secret::Secrets,
    db::Database,
    id::IdGenerator,
    metrics::Metrics,
};

pub(crate) use self::{
    access_tokens::{AccessToken, AccessTokenMutation},
    accounts::{Accounts, Outbox, PasswordResets},
    admin::user_seeder::UserSeeder,
    federation::Federation,
    mutations::charge,
    rate_limit::{MAX_COST_PER_MINUTE, RateLimitScope},
    request::{
        Authentication, RequestContext, authorization::Authorization, cookies::Cookies,
        device::Device, network::Network, optional_viewer, signal_ready, viewer,
    },
    users::{profile::time_zone, time_zone::TimeZone},
};
pub use self::{
    admin::{
        AdminError, UserAdmin, UserSummary,
        import::{ImportOptions, Imported},
    },
    credentials::password::HashCost,
    federation::IssuerError,
    tokens::{
        Tokens,
        keys::{KeyState, Keys, KeysError, ListedKey, Rotation},
    },
};

/// The parts of identity that the server uses, and their background tasks.
pub(crate) struct Identity {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) authenticator: Authenticator,
    pub(crate) rate_limits: Arc<RateLimits>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) tokens: Arc<Tokens>,
    _cleanup: AbortOnDropHandle<()>,
    _mover: AbortOnDropHandle<()>,
}

/// The settings of identity.
pub(crate) struct IdentityConfig {
    pub(crate) rate_limits: RateLimitScope,
    pub(crate) hash_cost: HashCost,
    pub(crate) password_policy: PasswordPolicy,
    pub(crate) sign_up: SignUp,
    pub(crate) federation: Federation,
    /// Reschedules a batch of tasks after a change of their owner's time zone.
    pub(crate) move_batch: MoveBatch,
    /// `None` if the server sends no mail.
    pub(crate) outbox: Option<Outbox>,
}

impl Identity {
    pub(crate) fn start(
        database: Database,
        clock: Clock,
        tokens: Tokens,
        secrets: &Secrets,
        config: IdentityConfig,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (ids, tokens) = (Arc::<IdGenerator>::default(), Arc::new(tokens));
        let rate_limits = Arc::new(RateLimits::new(
            database.clone(),
            clock.clone(),
            secrets.first(),
            config.rate_limits,
        ));
        let sessions = Sessions::start(
            database.clone(),
            clock.clone(),
            Arc::clone(&ids),
            Arc::clone(&tokens),
            secrets,
            Arc::clone(&rate_limits),
            metrics,
        );
        let mover = DueMover {
            database: database.clone(),
            clock: clock.clone(),
            ids: Arc::clone(&ids),
            changes: Arc::clone(sessions.changes()),
            move_batch: config.move_batch,
        };
        let accounts = Accounts::new(
            database.clone(),
            clock.clone(),
            Arc::clone(&ids),
            Arc::clone(&sessions),
            Passwords::new(config.password_policy, &config.hash_cost),
            Arc::clone(&rate_limits),
            config.sign_up,
        );
        Self {
            _cleanup: cleanup::start(database.clone(), clock.clone()),
            _mover: mover.start(),
            accounts: Arc::new(accounts.with_outbox(config.outbox)),
            authenticator: Authenticator::new(
                database,
                clock,
                ids,
                Arc::clone(&tokens),
                Arc::clone(&sessions),
                config.federation,
            ),
            rate_limits,
            sessions,
            tokens,
        }
    }

    /// Adds the parts that resolvers use to the schema's data.
    pub(crate) fn provide<Q, M, S>(&self, schema: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
    where
        Q: ObjectType + 'static,
        M: ObjectType + 'static,
        S: SubscriptionType + 'static,
    {
        schema
            .data(Arc::clone(&self.accounts))
            .data(Arc::clone(&self.rate_limits))
            .data(Arc::clone(&self.sessions))
            .data(Arc::clone(self.sessions.activity()))
    }
}
