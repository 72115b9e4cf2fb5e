//! A background task that reschedules floating due times after their owner's time zone has changed.
//!
//! Each batch of tasks is a transaction of its own, so that other writers proceed in between. The row
//! of the change log stores the progress, so any instance can continue, also after a crash.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;

use super::unscoped;
use crate::{
    clock::Clock,
    db::Database,
    error::Result,
    id::IdGenerator,
    scope::{ChangeNotifier, Grant, Viewer},
};

/// The interval of polls for reschedulings that another instance has begun and not finished.
const INTERVAL: Duration = Duration::from_mins(1);

/// The delay after a batch that failed.
const BATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Reschedules the next batch of the viewer's tasks.
pub(crate) type MoveBatch = for<'a> fn(&'a Viewer) -> BoxFuture<'a, Result<()>>;

/// The background task that finishes the reschedulings of all users.
pub(super) struct DueMover {
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) ids: Arc<IdGenerator>,
    pub(super) changes: Arc<ChangeNotifier>,
    pub(super) move_batch: MoveBatch,
}

impl DueMover {
    /// Starts the task, which stops when the returned handle is dropped.
    pub(super) fn start(self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                match self.move_some().await {
                    Ok(0) => {
                        let signalled = self.changes.moves.notified();
                        let _ = tokio::time::timeout(INTERVAL, signalled).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(
                            ?error,
                            "cannot reschedule tasks to their owner's time zone"
                        );
                        tokio::time::sleep(BATCH_INTERVAL).await;
                    }
                }
            }
        }))
    }

    /// Reschedules one batch of tasks for each user who has a running rescheduling. Returns the number
    /// of these users.
    async fn move_some(&self) -> Result<usize> {
        let now = self.clock.now();
        let moving = unscoped::moving(&self.database).await?;
        let mut moved = Ok(moving.len());
        for (owner, session_id) in moving {
            let viewer = Viewer::new(
                Grant::interactive(owner, session_id),
                now,
                Arc::clone(&self.ids),
                Arc::clone(&self.changes),
                &self.database,
            );
            // An error for one user does not delay the others.
            if let Err(error) = (self.move_batch)(&viewer).await {
                moved = Err(error);
            }
        }
        moved
    }
}
