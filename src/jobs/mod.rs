//! Jobs: work that follows a commit, such as sending mail.
//!
//! The transaction that causes the work stores a job, so the work is neither lost nor done for a
//! transaction that was rolled back. A worker in each instance runs the jobs that are due: each at
//! least once, and again after a failure.

mod entity;
mod worker;

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use entity::{ActiveModel as NewJob, Column, Entity};
pub(crate) use worker::{Failed, Handler, Worker};

use crate::{
    clock::Timestamp,
    crypto::{sealer::Sealer, secret::Secrets},
    db::{Database, End, Transaction},
    error::{Error, Result},
    id::{IdGenerator, JobId},
};

/// The data of a kind of jobs.
pub(crate) trait Payload: Serialize + DeserializeOwned + Send {
    /// The name of the kind. Stored jobs and metrics have it, so it must not change.
    const KIND: &'static str;
}

/// Creates jobs, and reads them. Payloads are encrypted, since mails contain tokens.
pub(crate) struct Jobs {
    sealer: Sealer,
    ids: IdGenerator,
}

impl Jobs {
    pub(crate) fn new(secrets: &Secrets) -> Self {
        Self {
            sealer: Sealer::new(secrets, "jobs seal"),
            ids: IdGenerator::default(),
        }
    }

    /// Returns the row of a job that is due at once. The caller inserts it in its transaction.
    pub(crate) fn create<P: Payload>(&self, payload: &P, now: Timestamp) -> NewJob {
        let id = JobId::new(&self.ids, now);
        // Serializing these types cannot fail: their keys are strings.
        let text = serde_json::to_vec(payload).unwrap_or_default();
        NewJob {
            id: Set(id),
            kind: Set(P::KIND.to_owned()),
            sealed_payload: Set(self.sealer.seal(&text, &id.to_string())),
            created_at: Set(now),
            run_at: Set(now),
            attempts: Set(0),
        }
    }

    /// Returns the payload of a job; `None` if no accepted secret decrypts it.
    fn read<P: Payload>(&self, job: &entity::Model) -> Option<P> {
        let opened = self.sealer.open(&job.sealed_payload, &job.id.to_string())?;
        serde_json::from_slice(&opened.text).ok()
    }
}

/// Stores a job that no other change causes.
pub(crate) async fn store(database: &Database, job: NewJob) -> Result<()> {
    let job = &job;
    let insert = |transaction: Arc<Transaction>| async move {
        job.clone().insert(&*transaction).await?;
        Ok::<_, Error>(End::Commit(()))
    };
    database.transaction(insert).await
}
