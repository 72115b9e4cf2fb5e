//! How long sessions and their tokens live.

use std::time::Duration;

use crate::clock::Timestamp;

/// A session, however it is used.
pub(super) const SESSION: Duration = Duration::from_hours(90 * 24);

/// A session that is not to be remembered.
pub(super) const SHORT_SESSION: Duration = Duration::from_hours(12);

/// A session that nobody uses.
const IDLE_SESSION: Duration = Duration::from_hours(30 * 24);

/// An access token, at most. Whatever signed it is published for as long.
pub(super) const ACCESS_TOKEN: Duration = Duration::from_mins(15);

/// An access token of this release or of an earlier one, at most.
pub(super) const ANY_ACCESS_TOKEN: Duration = Duration::from_hours(12);

/// When a session that is used now ends unless it is used again.
pub(super) fn idle_end(now: Timestamp, expires_at: Timestamp) -> Timestamp {
    now.plus(IDLE_SESSION).min(expires_at)
}
