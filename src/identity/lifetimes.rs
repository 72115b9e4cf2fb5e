//! How long sessions and their tokens live.

use std::time::Duration;

use crate::clock::Timestamp;

/// When a session ends that has no end: 9999-12-30T00:00:00Z, since the last day of that year cannot be written
/// in every time zone.
pub(in crate::identity) const NO_EXPIRY: Timestamp = Timestamp::from_millis(253_402_128_000_000);

/// When an access token was last used that was not used yet.
pub(in crate::identity) const NEVER_USED: Timestamp = Timestamp::from_millis(0);

/// A session, however it is used.
pub(in crate::identity) const SESSION: Duration = Duration::from_hours(90 * 24);

/// A session that is not to be remembered.
pub(in crate::identity) const SHORT_SESSION: Duration = Duration::from_hours(12);

/// A session that nobody uses.
const IDLE_SESSION: Duration = Duration::from_hours(30 * 24);

/// How long after a session was idle for too long its row is cleared away: until then ending it again is no
/// error.
pub(in crate::identity) const SESSION_RETENTION: Duration = Duration::from_hours(7 * 24);

/// An access token, at most. Whatever signed it is published for as long.
pub(in crate::identity) const ACCESS_TOKEN: Duration = Duration::from_mins(15);

/// An access token of this release or of an earlier one, at most.
pub(in crate::identity) const ANY_ACCESS_TOKEN: Duration = Duration::from_hours(12);

/// When a session that is used now ends unless it is used again.
pub(in crate::identity) fn idle_end(now: Timestamp, expires_at: Timestamp) -> Timestamp {
    now.plus(IDLE_SESSION).min(expires_at)
}
