//! The delay after which a client retries: its error extension, its default and its text.

/// The delay after which a client retries if the service was unavailable, in seconds.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 1;

/// The error extension that contains the delay before a retry, in seconds.
pub(crate) const RETRY_AFTER: &str = "retryAfter";

/// Formats a number of seconds: `a second`, `90 seconds`, or minutes, rounded up.
pub(super) fn duration_text(seconds: u64) -> String {
    match seconds {
        1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
