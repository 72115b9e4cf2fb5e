//! Clearing away what has expired, now and again.

use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::unscoped;
use crate::{clock::Clock, db::Database};

/// How often it is looked for. Each instance does, and they do not mind each other.
const INTERVAL: Duration = Duration::from_mins(10);

/// Begins at once, and ends with what is returned.
pub(super) fn start(database: Database, clock: Clock) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            match unscoped::delete_expired(&database, clock.now()).await {
                Ok(0) => {}
                Ok(rows) => tracing::debug!(rows, "cleared away what had expired"),
                Err(error) => tracing::warn!(?error, "what has expired could not be cleared away"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }))
}
