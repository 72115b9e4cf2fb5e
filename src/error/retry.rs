//! The time after which a client can try again.

/// The time after which a client tries again if the service was unavailable, in seconds.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 1;

/// The extension of an error that has the time after which to try again, in seconds.
pub(crate) const RETRY_AFTER: &str = "retryAfter";

/// A number of seconds in words: `a second`, `90 seconds`, or minutes, rounded up.
pub(super) fn duration_text(seconds: u64) -> String {
    match seconds {
        1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
