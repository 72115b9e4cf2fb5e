//! The counters of attempts at credentials, and the delays that they cause.

use std::time::Duration;

use crate::{clock::Timestamp, identity::entity::credential_attempts};

/// A limit on attempts that share a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Rule {
    pub(in crate::identity) name: &'static str,
    pub(in crate::identity) max: u32,
    /// The time from the first attempt until the counter is reset.
    pub(in crate::identity) window: Duration,
    /// True if each attempt waits longer than the one before.
    pub(in crate::identity) slows_down: bool,
}

/// The number of attempts without a delay, if each attempt waits longer than the one before.
pub(super) const FREE_ATTEMPTS: u32 = 4;

/// A counter of attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Counter {
    pub(in crate::identity) id: Vec<u8>,
    pub(in crate::identity) rule: Rule,
}

/// The time of the next attempt that is allowed.
pub(in crate::identity) struct Blocked(pub(in crate::identity) Timestamp);

impl Rule {
    /// The delay after this number of attempts: a second, and twice as long each time.
    pub(super) fn delay(self, count: u32) -> Duration {
        match count.checked_sub(FREE_ATTEMPTS) {
            Some(more) if self.slows_down => Duration::from_secs(1 << more.min(30)),
            _ => Duration::ZERO,
        }
    }

    /// The time of the next attempt after those that the row counts.
    pub(super) fn retry_at(self, row: &credential_attempts::Model) -> Timestamp {
        let count = u32::try_from(row.count).unwrap_or(0);
        if count >= self.max {
            return row.window_ends_at;
        }
        row.last_at.plus(self.delay(count)).min(row.window_ends_at)
    }
}
