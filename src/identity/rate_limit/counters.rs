//! What attempts at credentials are counted by, and how many are too many.

use std::time::Duration;

use crate::{clock::Timestamp, identity::entity::credential_attempts};

const QUARTER: Duration = Duration::from_mins(15);

const HOUR: Duration = Duration::from_hours(1);

/// What is counted, and how much of it is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Rule {
    pub(in crate::identity) name: &'static str,
    pub(in crate::identity) most: u32,
    pub(in crate::identity) window: Duration,
    /// Whether each attempt waits longer than the one before.
    pub(in crate::identity) slows_down: bool,
}

/// From one network, at any account.
pub(in crate::identity) const NETWORK: Rule = Rule {
    name: "network",
    most: 60,
    window: QUARTER,
    slows_down: false,
};

/// At one account, from any network.
pub(in crate::identity) const ACCOUNT: Rule = Rule {
    name: "account",
    most: 100,
    window: HOUR,
    slows_down: false,
};

/// At one account from one network.
pub(in crate::identity) const PAIR: Rule = Rule {
    name: "pair",
    most: 10,
    window: QUARTER,
    slows_down: true,
};

/// New accounts from one network.
pub(in crate::identity) const SIGN_UP: Rule = Rule {
    name: "sign-up",
    most: 20,
    window: HOUR,
    slows_down: false,
};

/// How many attempts may follow each other at once where each waits longer than the one before.
pub(in crate::identity) const AT_ONCE: u32 = 4;

/// What an attempt is counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Counter {
    pub(in crate::identity) id: Vec<u8>,
    pub(in crate::identity) rule: Rule,
}

/// When the next attempt may be made.
pub(in crate::identity) struct Blocked(pub(in crate::identity) Timestamp);

impl Rule {
    /// How long after the last of so many attempts the next may be made: a second, and twice as long
    /// each time.
    pub(in crate::identity) fn delay(self, count: u32) -> Duration {
        match count.checked_sub(AT_ONCE) {
            Some(more) if self.slows_down => Duration::from_secs(1 << more.min(30)),
            _ => Duration::ZERO,
        }
    }

    /// When the next attempt may be made after those that the row counts.
    pub(in crate::identity) fn free_at(self, row: &credential_attempts::Model) -> Timestamp {
        let count = u32::try_from(row.count).unwrap_or(0);
        if count >= self.most {
            return row.window_ends_at;
        }
        row.last_at.plus(self.delay(count)).min(row.window_ends_at)
    }
}
