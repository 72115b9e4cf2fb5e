//! Lifetimes of sessions and their tokens.

use std::time::Duration;

use crate::clock::Timestamp;

/// The `expires_at` of a session that does not expire: 9999-12-30T00:00:00Z. The last day of that
/// year cannot be represented in every time zone.
pub(in crate::identity) const NO_EXPIRY: Timestamp = Timestamp::from_millis(253_402_128_000_000);

/// The `last_active_at` of a personal access token that has never been used.
pub(in crate::identity) const NEVER_USED: Timestamp = Timestamp::from_millis(0);

/// The maximum lifetime of a session: 90 days.
pub(in crate::identity) const SESSION_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// The maximum lifetime of a session that the client asked not to remember: 12 hours.
pub(in crate::identity) const SHORT_SESSION_LIFETIME: Duration = Duration::from_hours(12);

/// The time without activity after which a session ends: 30 days.
const IDLE_TIMEOUT: Duration = Duration::from_hours(30 * 24);

/// The time from a session's end by inactivity until its row is deleted: 7 days. Until then ending
/// it again succeeds.
pub(in crate::identity) const SESSION_RETENTION: Duration = Duration::from_hours(7 * 24);

/// The maximum lifetime of an access token. A retired signing key stays published for this long.
pub(in crate::identity) const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_mins(15);

/// The maximum lifetime of an access token of this release or of an earlier one.
pub(in crate::identity) const MAX_ACCESS_TOKEN_LIFETIME: Duration = Duration::from_hours(12);

/// Returns the time at which a session that is active now ends by inactivity.
pub(in crate::identity) fn idle_expiry(now: Timestamp, expires_at: Timestamp) -> Timestamp {
    now.plus(IDLE_TIMEOUT).min(expires_at)
}
