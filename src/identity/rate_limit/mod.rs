//! Rate limits: of attempts at credentials, new accounts, refreshes, and the cost of operations.
//!
//! An attempt is counted before it is made, so that concurrent attempts count like successive ones, and refunded when
//! it succeeds. Attempts are counted by a keyed digest of the address and the network, in the database, so that all
//! instances count together and a restart forgets nothing.

mod counters;
mod fixed_window;

use aws_lc_rs::hmac;

use self::{
    counters::{
        ACCOUNT, ACCOUNT_AND_NETWORK, MAIL_FROM_NETWORK, MAIL_PAIR, MAIL_TO_ADDRESS, NETWORK,
        SIGN_UP,
    },
    fixed_window::FixedWindow,
};
use super::{
    credentials::{
        PasswordUser,
        password::{Password, PasswordVerified, Passwords},
    },
    error::IdentityError,
    follow_up::follow_up,
    request::{Authentication, RequestContext, device::Device, network::Network},
    unscoped::{self, Blocked, Counter, Rule},
};
use crate::{
    clock::{Clock, Timestamp},
    crypto::secret::Secret,
    db::Database,
    error::{Error, Result, UserError},
    id::{SessionKey, UserId},
};

/// The maximum number of refreshes of one session in a minute.
const MAX_REFRESHES_PER_MINUTE: u64 = 60;

/// The maximum cost of one user's operations in a minute, in points.
pub(crate) const MAX_COST_PER_MINUTE: u64 = 60_000;

/// The requests that rate limits apply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitScope {
    None,
    /// Requests from other machines, as in development.
    ExceptLoopback,
    All,
}

/// The rate limits of the service.
pub(crate) struct RateLimits {
    database: Database,
    clock: Clock,
    key: hmac::Key,
    scope: RateLimitScope,
    refreshes: FixedWindow<SessionKey>,
    costs: FixedWindow<UserId>,
}

/// An attempt that was counted. It counts as a failure unless it is refunded.
#[must_use]
pub(in crate::identity) struct Attempt {
    database: Database,
    counters: Vec<Counter>,
}

impl RateLimits {
    pub(in crate::identity) fn new(
        database: Database,
        clock: Clock,
        secret: &Secret,
        scope: RateLimitScope,
    ) -> Self {
        let key = secret.derive("credential-attempts hmac");
        Self {
            database,
            clock,
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            scope,
            refreshes: FixedWindow::new(MAX_REFRESHES_PER_MINUTE),
            costs: FixedWindow::new(MAX_COST_PER_MINUTE),
        }
    }

    /// Counts an attempt at the password of an account, whether or not the account exists. `email` is the normalized
    /// address.
    ///
    /// # Errors
    /// If there were too many attempts.
    pub(in crate::identity) async fn check_password_attempt(
        &self,
        device: &Device,
        email: &str,
        user: Option<UserId>,
    ) -> std::result::Result<Attempt, IdentityError> {
        if self.is_exempt(device) {
            return Ok(self.attempt(Vec::new()));
        }
        let network = Network::of(device.ip_address);
        // Always widest first: attempts that share counters never deadlock.
        let mut counters = vec![
            self.counter(NETWORK, &[network.as_str()]),
            self.counter(ACCOUNT, &[email]),
            self.counter(ACCOUNT_AND_NETWORK, &[email, network.as_str()]),
        ];
        // Attempts from elsewhere do not lock users out of networks that they have signed in from.
        if unscoped::is_known_network(&self.database, user, &network).await? {
            counters.retain(|counter| counter.rule != ACCOUNT);
        }
        self.count(counters).await
    }

    /// Counts a new account.
    ///
    /// # Errors
    /// If there were too many from the network.
    pub(in crate::identity) async fn check_sign_up(
        &self,
        device: &Device,
    ) -> std::result::Result<(), IdentityError> {
        if !self.is_exempt(device) {
            let network = Network::of(device.ip_address);
            let counter = self.counter(SIGN_UP, &[network.as_str()]);
            // A sign-up that fails counts too.
            let Attempt { .. } = self.count(vec![counter]).await?;
        }
        Ok(())
    }

    /// Forgets the failed attempts at an account whose user has set a new password: those from the user's
    /// network, and the total of all networks.
    pub(in crate::identity) async fn forget_failures(&self, device: &Device, email: &str) {
        let network = Network::of(device.ip_address);
        let counters = vec![
            self.counter(ACCOUNT, &[email]),
            self.counter(ACCOUNT_AND_NETWORK, &[email, network.as_str()]),
        ];
        let database = self.database.clone();
        let forget = async move { unscoped::refund_attempt(&database, counters, Vec::new()).await };
        follow_up("failed attempts were not forgotten", forget).await;
    }

    /// Counts a request for mail to an address, whether or not the address has an account. `email` is the
    /// normalized address.
    ///
    /// # Errors
    /// If there were too many from the network or for the address.
    pub(in crate::identity) async fn check_mail_request(
        &self,
        device: &Device,
        email: &str,
    ) -> std::result::Result<(), IdentityError> {
        if !self.is_exempt(device) {
            let network = Network::of(device.ip_address);
            let counters = vec![
                self.counter(MAIL_FROM_NETWORK, &[network.as_str()]),
                self.counter(MAIL_TO_ADDRESS, &[email]),
                self.counter(MAIL_PAIR, &[email, network.as_str()]),
            ];
            let Attempt { .. } = self.count(counters).await?;
        }
        Ok(())
    }

    /// Counts a refresh of the session.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if there were too many in this minute.
    pub(in crate::identity) fn check_refresh(
        &self,
        device: &Device,
        session: SessionKey,
    ) -> Result<()> {
        if self.is_exempt(device) {
            return Ok(());
        }
        let now = self.clock.now();
        let acquired = self.refreshes.try_acquire(session, 1, now);
        acquired.map_err(|until| Error::RateLimited(seconds_until(until, now)))
    }

    /// Charges the viewer of a request for an operation.
    ///
    /// # Errors
    /// [`Error::RateLimited`] if the viewer has spent the points of this minute.
    pub(crate) fn charge(&self, context: &RequestContext, points: u64) -> Result<()> {
        match &context.authentication {
            Authentication::Viewer(viewer) if !self.is_exempt(&context.device) => {
                let now = self.clock.now();
                let acquired = self.costs.try_acquire(viewer.user_id(), points, now);
                acquired.map_err(|until| Error::RateLimited(seconds_until(until, now)))
            }
            _ => Ok(()),
        }
    }

    fn is_exempt(&self, device: &Device) -> bool {
        match self.scope {
            RateLimitScope::None => true,
            RateLimitScope::ExceptLoopback => device
                .ip_address
                .is_some_and(|address| address.is_loopback()),
            RateLimitScope::All => false,
        }
    }

    fn counter(&self, rule: Rule, parts: &[&str]) -> Counter {
        let text = [&[rule.name], parts].concat().join("\0");
        let id = hmac::sign(&self.key, text.as_bytes()).as_ref().to_vec();
        Counter { id, rule }
    }

    fn attempt(&self, counters: Vec<Counter>) -> Attempt {
        Attempt {
            database: self.database.clone(),
            counters,
        }
    }

    async fn count(&self, counters: Vec<Counter>) -> std::result::Result<Attempt, IdentityError> {
        let now = self.clock.now();
        match unscoped::count_attempt(&self.database, &counters, now).await? {
            None => Ok(self.attempt(counters)),
            Some(Blocked(until)) => Err(UserError::rate_limited(seconds_until(until, now)).into()),
        }
    }
}

/// Returns the time to wait, rounded up to whole seconds.
fn seconds_until(until: Timestamp, now: Timestamp) -> u64 {
    let wait = until.since(now);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.max(1)
}

impl Attempt {
    /// Verifies the password, and refunds the attempt unless the password is wrong.
    pub(in crate::identity) async fn verify(
        self,
        passwords: &Passwords,
        user: Option<PasswordUser>,
        password: Password,
    ) -> Result<Option<PasswordVerified>> {
        let verified = passwords.verify(user, password).await;
        match verified {
            // Earlier failures from this network are forgotten too.
            Ok(Some(_)) => self.refund(true).await,
            Ok(None) => {}
            // The password was not compared.
            Err(_) => self.refund(false).await,
        }
        verified
    }

    /// Takes the attempt back; with `resets`, earlier failures at the account from the network too.
    async fn refund(self, resets: bool) {
        if self.counters.is_empty() {
            return;
        }
        let is_reset = |counter: &Counter| resets && counter.rule == ACCOUNT_AND_NETWORK;
        let (reset, decrement) = self.counters.into_iter().partition(is_reset);
        let refund =
            async move { unscoped::refund_attempt(&self.database, reset, decrement).await };
        follow_up("an attempt at a password was not refunded", refund).await;
    }
}
