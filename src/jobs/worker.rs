//! The background task that runs jobs.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Jobs, Payload,
    entity::{ActiveModel, Column, Entity, Model},
};
use crate::{
    clock::{Clock, Timestamp},
    db::{CommitMark, Database, End, Transaction},
    error::{Error, Result},
    metrics::{JobOutcome, Metrics},
};

/// The time between two looks for due jobs.
const INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of jobs that one instance runs at a time.
const MAX_RUNNING: usize = 8;

/// The maximum time that a job may take.
const MAX_RUN_TIME: Duration = Duration::from_mins(1);

/// The time after which another worker may run a claimed job, because this one has probably ended.
const LEASE: Duration = Duration::from_mins(2);

/// The time after a first failure until the next attempt. It quadruples with each attempt.
const FIRST_DELAY: Duration = Duration::from_secs(5);

/// The maximum time between two attempts.
const MAX_DELAY: Duration = Duration::from_hours(1);

/// The age at which a job that still fails is given up.
const MAX_AGE: Duration = Duration::from_hours(24);

/// The reason why a job failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// A later attempt may succeed.
    Temporarily(String),
    /// No later attempt can succeed.
    Permanently(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Temporarily(error.into_message())
    }
}

/// Runs the jobs of one kind.
pub(crate) trait Handler: Send + Sync + 'static {
    type Payload: Payload;

    /// Runs a job. It may run again although it has succeeded, if the process ends at that moment.
    fn run(
        &self,
        payload: Self::Payload,
    ) -> impl Future<Output = std::result::Result<(), Failed>> + Send;
}

/// Runs a job, or returns `None` if its payload cannot be read.
type Run =
    dyn Fn(&Model) -> Option<BoxFuture<'static, std::result::Result<(), Failed>>> + Send + Sync;

/// The state at the last look for due jobs.
#[derive(Default)]
struct Seen {
    mark: Option<CommitMark>,
    /// The time of the next job.
    next: Option<Timestamp>,
}

/// Runs jobs of the kinds that it has handlers for.
pub(crate) struct Worker {
    database: Database,
    clock: Clock,
    jobs: Arc<Jobs>,
    metrics: Arc<Metrics>,
    handlers: HashMap<&'static str, Box<Run>>,
}

impl Worker {
    pub(crate) fn new(
        database: Database,
        clock: Clock,
        jobs: Arc<Jobs>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            database,
            clock,
            jobs,
            metrics,
            handlers: HashMap::new(),
        }
    }

    /// Adds the handler of a kind of jobs.
    pub(crate) fn with<H: Handler>(mut self, handler: H) -> Self {
        let (jobs, handler) = (Arc::clone(&self.jobs), Arc::new(handler));
        let run = move |job: &Model| {
            let payload = jobs.read::<H::Payload>(job)?;
            let handler = Arc::clone(&handler);
            Some(async move { handler.run(payload).await }.boxed())
        };
        self.handlers.insert(H::Payload::KIND, Box::new(run));
        self
    }

    /// Starts the task, which stops with its jobs when the returned handle is dropped.
    pub(crate) fn start(self) -> AbortOnDropHandle<()> {
        let worker = Arc::new(self);
        AbortOnDropHandle::new(tokio::spawn(async move {
            let (mut running, mut seen) = (JoinSet::new(), Seen::default());
            loop {
                if let Err(error) = Arc::clone(&worker).look(&mut running, &mut seen).await {
                    tracing::warn!(?error, "cannot look for due jobs");
                }
                tokio::select! {
                    () = tokio::time::sleep(INTERVAL) => {}
                    // There is room for another job.
                    Some(_) = running.join_next() => {}
                }
            }
        }))
    }

    /// Starts as many due jobs as there is room for. Reads nothing if no process has committed since the
    /// last look and the next job is not due.
    async fn look(self: Arc<Self>, running: &mut JoinSet<()>, seen: &mut Seen) -> Result<()> {
        let room = MAX_RUNNING.saturating_sub(running.len());
        let mark = self.database.commit_mark().await;
        let is_due = seen.next.is_some_and(|next| next <= self.clock.now());
        if room == 0 || (mark.is_some() && mark == seen.mark && !is_due) {
            return Ok(());
        }
        let (due, next) = self.due(room).await?;
        if due.is_empty() {
            *seen = Seen { mark, next };
            return Ok(());
        }
        for job in self.claim(due).await? {
            let worker = Arc::clone(&self);
            running.spawn(async move {
                if let Err(error) = worker.run(&job).await {
                    // The job runs again after its lease.
                    tracing::warn!(?error, job.kind, "cannot store the result of a job");
                }
            });
        }
        Ok(())
    }

    /// Returns at most `room` jobs that are due, and the time of the first one that is not.
    async fn due(&self, room: usize) -> Result<(Vec<Model>, Option<Timestamp>)> {
        let now = self.clock.now();
        let mut due = Entity::find()
            .filter(Column::Kind.is_in(self.handlers.keys().copied()))
            .order_by_asc(Column::RunAt)
            .limit(room as u64)
            .all(self.database.reads())
            .await?;
        let later = due.split_off(due.partition_point(|job| job.run_at <= now));
        Ok((due, later.first().map(|job| job.run_at)))
    }

    /// Returns those of the jobs that no other worker runs, after moving their time to the end of a
    /// lease.
    async fn claim(&self, due: Vec<Model>) -> Result<Vec<Model>> {
        let (due, now) = (&due, self.clock.now());
        let claim = |transaction: Arc<Transaction>| async move {
            let mut claimed = Vec::new();
            for job in due {
                let attempts = job.attempts.saturating_add(1);
                let lease = ActiveModel {
                    run_at: Set(now.plus(LEASE)),
                    attempts: Set(attempts),
                    ..Default::default()
                };
                let leased = Entity::update_many()
                    .set(lease)
                    .filter(Column::Id.eq(job.id))
                    .filter(Column::Attempts.eq(job.attempts))
                    .exec(&*transaction)
                    .await?;
                if leased.rows_affected > 0 {
                    claimed.push(Model {
                        attempts,
                        ..job.clone()
                    });
                }
            }
            Ok::<_, Error>(End::Commit(claimed))
        };
        self.database.transaction(claim).await
    }

    /// Runs a claimed job, and stores its result.
    async fn run(&self, job: &Model) -> Result<()> {
        let run = self.handlers.get(job.kind.as_str());
        let result = match run.and_then(|run| run(job)) {
            // The server has not run, or has sent no mail, for a while.
            _ if self.clock.now() >= job.created_at.plus(MAX_AGE) => {
                Err(Failed::Permanently("it is older than a day".to_owned()))
            }
            Some(running) => {
                let running = AssertUnwindSafe(running).catch_unwind();
                match tokio::time::timeout(MAX_RUN_TIME, running).await {
                    Ok(Ok(result)) => result,
                    Ok(Err(_)) => Err(Failed::Temporarily("it panicked".to_owned())),
                    Err(_) => Err(Failed::Temporarily("it took too long".to_owned())),
                }
            }
            // While a secret is being replaced, another instance may have sealed it with a new one.
            None => Err(Failed::Temporarily(
                "its payload cannot be read: it was encrypted with a secret that is not set here"
                    .to_owned(),
            )),
        };
        let now = self.clock.now();
        let (outcome, next) = match result {
            Ok(()) => (JobOutcome::Done, None),
            Err(failed) => {
                let (reason, may_retry) = match failed {
                    Failed::Temporarily(reason) => (reason, true),
                    Failed::Permanently(reason) => (reason, false),
                };
                let next = now.plus(delay_after(job.attempts));
                let (id, kind) = (job.id, &job.kind);
                if may_retry && next < job.created_at.plus(MAX_AGE) {
                    tracing::warn!(job.id = %id, job.kind = kind, reason, "a job failed and is retried");
                    (JobOutcome::Failed, Some(next))
                } else {
                    tracing::error!(job.id = %id, job.kind = kind, reason, "a job failed and is given up");
                    (JobOutcome::GivenUp, None)
                }
            }
        };
        self.metrics.count_job(&job.kind, outcome);
        self.finish(job, next).await
    }

    /// Deletes the job, or sets the time of its next attempt.
    async fn finish(&self, job: &Model, next: Option<Timestamp>) -> Result<()> {
        let store = |transaction: Arc<Transaction>| async move {
            // If the lease has expired, another worker runs the job.
            let is_mine = Condition::all()
                .add(Column::Id.eq(job.id))
                .add(Column::Attempts.eq(job.attempts));
            match next {
                None => Entity::delete_many()
                    .filter(is_mine)
                    .exec(&*transaction)
                    .await
                    .map(drop)?,
                Some(next) => {
                    let later = ActiveModel {
                        run_at: Set(next),
                        ..Default::default()
                    };
                    Entity::update_many()
                        .set(later)
                        .filter(is_mine)
                        .exec(&*transaction)
                        .await
                        .map(drop)?;
                }
            }
            Ok::<_, Error>(End::Commit(()))
        };
        self.database.transaction(store).await
    }
}

/// Returns the time until the next attempt after this many.
fn delay_after(attempts: i32) -> Duration {
    let doublings = 2 * u32::try_from(attempts - 1).unwrap_or(0).min(10);
    FIRST_DELAY.saturating_mul(1 << doublings).min(MAX_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_quadruples_up_to_an_hour() {
        let seconds = |attempts| delay_after(attempts).as_secs();
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 100].map(seconds),
            [5, 20, 80, 320, 1280, 3600, 3600]
        );
    }
}
