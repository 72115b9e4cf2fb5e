//! Exponential backoff between attempts to connect to the database.

use std::time::Duration;

use tokio::time::Instant;

/// The first wait and the maximum wait between attempts to connect. Each wait is shortened at
/// random by up to half, so that instances do not retry in step.
const RECONNECT_BACKOFF: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(2));

/// The number of consecutive failed attempts, and the time of the next one.
pub(super) struct Backoff {
    failures: u32,
    retry_at: Instant,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            failures: 0,
            retry_at: Instant::now(),
        }
    }
}

impl Backoff {
    /// Waits until the next attempt is due.
    pub(super) async fn wait(&self) {
        tokio::time::sleep_until(self.retry_at).await;
    }

    /// Starts again from the first wait, after a successful attempt.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Schedules the next attempt after a failed one.
    pub(super) fn fail(&mut self) {
        let wait = RECONNECT_BACKOFF.0 * 2_u32.saturating_pow(self.failures);
        let wait = wait.min(RECONNECT_BACKOFF.1);
        self.retry_at = Instant::now() + wait.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.failures = (self.failures + 1).min(16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_maximum() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        for _ in 0..20 {
            backoff.fail();
            waits.push(backoff.retry_at - Instant::now());
        }
        assert!(waits[0] <= RECONNECT_BACKOFF.0);
        let last = waits[19];
        assert!(last <= RECONNECT_BACKOFF.1 && last > RECONNECT_BACKOFF.1 / 3);
    }
}
