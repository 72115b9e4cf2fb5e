//! Tasks that follow their owner to another time zone, a batch at a time, in the background.
//!
//! Each batch is a transaction of its own, so that others write in between. The row of the task log says how
//! far a move has come: any instance that finds it there goes on with it, also after a crash.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;

use super::unscoped;
use crate::{
    clock::Clock,
    db::Database,
    error::Result,
    id::Ids,
    scope::{ChangeNotifier, Grant, Viewer},
};

/// How often the database is asked for moves that another instance began and did not finish.
const INTERVAL: Duration = Duration::from_mins(1);

/// How long to wait after a batch that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Moves the next batch of the viewer's tasks.
pub(crate) type MoveBatch = for<'a> fn(&'a Viewer) -> BoxFuture<'a, Result<()>>;

/// Finishes the moves of everybody, until it is dropped.
pub(super) struct Mover {
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) ids: Arc<Ids>,
    pub(super) changes: Arc<ChangeNotifier>,
    pub(super) move_batch: MoveBatch,
}

impl Mover {
    pub(super) fn start(self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                match self.move_some().await {
                    Ok(0) => {
                        let woken = self.changes.moves.notified();
                        let _ = tokio::time::timeout(INTERVAL, woken).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(?error, "tasks could not follow their owner's time zone");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }))
    }

    /// Moves a batch for each person who has a move under way. Returns how many people that were.
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
            // One person's error does not keep the others waiting.
            if let Err(error) = (self.move_batch)(&viewer).await {
                moved = Err(error);
            }
        }
        moved
    }
}
