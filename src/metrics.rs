//! Metrics of the running process, in the format that Prometheus reads.

use std::time::Duration;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper bounds of the buckets of request durations, in seconds, from a lookup in memory to the
/// timeout of an operation.
const REQUEST_BUCKETS: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// Upper bounds of the buckets of revocation delays, in seconds. The end of a session must take
/// effect within one second.
const REVOCATION_BUCKETS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0,
];

type Label = [(&'static str, &'static str); 1];
type Status = [(&'static str, u16); 1];
type JobLabels = [(&'static str, String); 2];

/// The metrics and the registry that exports them.
pub(crate) struct Metrics {
    registry: Registry,
    revocations: Histogram,
    lookups: Family<Label, Counter>,
    requests: Family<Status, Histogram, fn() -> Histogram>,
    jobs: Family<JobLabels, Counter>,
}

/// The result of running a job once.
#[derive(Clone, Copy)]
pub(crate) enum JobOutcome {
    Done,
    /// The job is retried.
    Failed,
    GivenUp,
}

/// The place where a session was found.
#[derive(Clone, Copy)]
pub(crate) enum SessionSource {
    Memory,
    Database,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("cubby"),
            revocations: Histogram::new(REVOCATION_BUCKETS),
            lookups: Family::default(),
            requests: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            jobs: Family::default(),
        };
        metrics.register()
    }

    fn register(mut self) -> Self {
        self.registry.register_with_unit(
            "revocation",
            "Time from the end of a session until this process rejects its tokens",
            Unit::Seconds,
            self.revocations.clone(),
        );
        self.registry.register(
            "session_lookups",
            "Sessions looked up for requests, by source",
            self.lookups.clone(),
        );
        self.registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its response, by status",
            Unit::Seconds,
            self.requests.clone(),
        );
        self.registry.register(
            "jobs",
            "Jobs that this process ran, by kind and outcome: done, failed and to be retried, or given up",
            self.jobs.clone(),
        );
        self
    }

    /// Records the time from the end of a session until this process rejected it.
    pub(crate) fn record_revocation(&self, age: Duration) {
        self.revocations.observe(age.as_secs_f64());
    }

    pub(crate) fn count_lookup(&self, source: SessionSource) {
        let name = match source {
            SessionSource::Memory => "memory",
            SessionSource::Database => "database",
        };
        self.lookups.get_or_create(&[("source", name)]).inc();
    }

    pub(crate) fn count_job(&self, kind: &str, outcome: JobOutcome) {
        let outcome = match outcome {
            JobOutcome::Done => "done",
            JobOutcome::Failed => "failed",
            JobOutcome::GivenUp => "given_up",
        };
        let labels = [("kind", kind.to_owned()), ("outcome", outcome.to_owned())];
        self.jobs.get_or_create(&labels).inc();
    }

    pub(crate) fn record_request(&self, status: u16, duration: Duration) {
        let requests = self.requests.get_or_create(&[("status", status)]);
        requests.observe(duration.as_secs_f64());
    }

    /// Returns all metrics in the text format of OpenMetrics 1.0.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
