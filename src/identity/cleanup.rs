//! A background task that deletes expired rows.

use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::unscoped;
use crate::{clock::Clock, db::Database};

/// The time between two runs. Every instance runs the task, and concurrent runs are harmless.
const CLEANUP_INTERVAL: Duration = Duration::from_mins(10);

/// Starts the task, which runs at once and then at each interval. It stops when the returned handle
/// is dropped.
pub(super) fn start(database: Database, clock: Clock) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            match unscoped::delete_expired(&database, clock.now()).await {
                Ok(0) => {}
                Ok(rows) => tracing::debug!(rows, "deleted expired rows"),
                Err(error) => tracing::warn!(?error, "cannot delete expired rows"),
            }
            tokio::time::sleep(CLEANUP_INTERVAL).await;
        }
    }))
}
