//! How often credentials may be tried: by whom, from where, and for how long not.
//!
//! An attempt is counted before it is made, so that many at once are not more than many in turn, and
//! forgiven when it succeeds. What is counted is a keyed digest of the address and the network, in the
//! database, so that every instance counts together and a restart forgets nothing.

pub(super) mod counters;
pub(super) mod meter;
pub(super) mod network;

use aws_lc_rs::hmac;

use super::{
    IdentityProvider, Refusal,
    device::Device,
    email_address::EmailAddress,
    entity::users,
    follow_up::follow_up,
    password::{Password, hasher::Unlocked},
    rate_limit::{
        counters::{ACCOUNT, Blocked, Counter, NETWORK, PAIR, Rule, SIGN_UP},
        network::Network,
    },
    secret::Secret,
    unscoped,
};
use crate::{
    clock::Timestamp,
    error::{Result, UserError},
    id::UserId,
};

/// Whom attempts at credentials are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttles {
    Off,
    /// Whoever is on the same machine is let be, as in development.
    SparingLoopback,
    On,
}

/// Counts attempts.
pub(super) struct Throttle {
    key: hmac::Key,
    throttles: Throttles,
}

/// An attempt that was counted; unless it is forgiven it failed.
#[must_use]
pub(super) struct Attempt(Vec<Counter>);

impl Throttle {
    pub(super) fn new(secret: &Secret, throttles: Throttles) -> Self {
        let key = secret.derive("credential-attempts hmac");
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            throttles,
        }
    }

    pub(super) fn spares(&self, device: &Device) -> bool {
        let is_loopback = device
            .ip_address
            .is_some_and(|address| address.is_loopback());
        match self.throttles {
            Throttles::Off => true,
            Throttles::SparingLoopback => is_loopback,
            Throttles::On => false,
        }
    }

    fn counter(&self, rule: Rule, parts: &[&str]) -> Counter {
        let text = [&[rule.name], parts].concat().join("\0");
        let id = hmac::sign(&self.key, text.as_bytes()).as_ref().to_vec();
        Counter { id, rule }
    }
}

/// Counts an attempt at the password of an account, whether there is one or not, or refuses it.
pub(super) async fn guess(
    provider: &IdentityProvider,
    device: &Device,
    email: &str,
    user: Option<UserId>,
) -> std::result::Result<Attempt, Refusal> {
    let throttle = &provider.throttle;
    if throttle.spares(device) {
        return Ok(Attempt(Vec::new()));
    }
    let network = Network::of(device.ip_address);
    // Widest first, always: two attempts that share some never wait for each other in a circle.
    let mut counters = vec![
        throttle.counter(NETWORK, &[network.as_str()]),
        throttle.counter(ACCOUNT, &[email]),
        throttle.counter(PAIR, &[email, network.as_str()]),
    ];
    // A stranger cannot lock somebody out of where they have been before.
    if unscoped::is_known_network(&provider.database, user, &network).await? {
        counters.retain(|counter| counter.rule != ACCOUNT);
    }
    count(provider, counters).await
}

/// Counts a new account, or refuses it.
pub(super) async fn sign_up(
    provider: &IdentityProvider,
    device: &Device,
) -> std::result::Result<(), Refusal> {
    let throttle = &provider.throttle;
    if !throttle.spares(device) {
        let network = Network::of(device.ip_address);
        let counter = throttle.counter(SIGN_UP, &[network.as_str()]);
        // One that fails is one that was tried.
        let Attempt(_) = count(provider, vec![counter]).await?;
    }
    Ok(())
}

async fn count(
    provider: &IdentityProvider,
    counters: Vec<Counter>,
) -> std::result::Result<Attempt, Refusal> {
    let now = provider.clock.now();
    match unscoped::count_attempt(&provider.database, &counters, now).await? {
        None => Ok(Attempt(counters)),
        Some(Blocked(until)) => Err(UserError::rate_limited(seconds_until(until, now)).into()),
    }
}

/// How long to wait, to the next whole second: less would be too early.
pub(super) fn seconds_until(until: Timestamp, now: Timestamp) -> u64 {
    let wait = until.since(now);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.max(1)
}

impl Attempt {
    /// Compares the password with the person's, and forgives the attempt unless it is wrong.
    pub(super) async fn unlock(
        self,
        provider: &IdentityProvider,
        user: Option<users::Model>,
        password: Password,
    ) -> Result<Option<Unlocked>> {
        let unlocked = provider.hasher.unlock(user, password).await;
        match unlocked {
            // The person is who they say: what they got wrong here before is forgotten too.
            Ok(Some(_)) => self.forgive(provider, true).await,
            Ok(None) => {}
            // It was not made.
            Err(_) => self.forgive(provider, false).await,
        }
        unlocked
    }

    /// It did not fail, and is not counted; nor is what failed before it, if that is forgotten.
    async fn forgive(self, provider: &IdentityProvider, forgets: bool) {
        if self.0.is_empty() {
            return;
        }
        let is_forgotten = |counter: &Counter| forgets && counter.rule == PAIR;
        let (wholly, once) = self.0.into_iter().partition(is_forgotten);
        let database = provider.database.clone();
        let forgiving = async move { unscoped::forgive_attempt(&database, wholly, once).await };
        follow_up("an attempt at a password was not forgiven", forgiving).await;
    }
}

/// The address as attempts are counted by it: what is none is counted as it was typed.
pub(super) fn key_of(email: Option<&EmailAddress>, typed: &str) -> String {
    match email {
        Some(email) => email.key().to_owned(),
        None => typed.chars().take(254).collect(),
    }
}
