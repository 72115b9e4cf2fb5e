//! What is measured of the running process, for Prometheus to read.

use std::time::Duration;

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Upper bounds, in seconds: from what a look into memory takes to what nobody waits for.
const REQUEST: [f64; 12] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

/// Upper bounds, in seconds. One is what is promised.
const REVOCATION: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0,
];

type Label = [(&'static str, &'static str); 1];
type Status = [(&'static str, u16); 1];

/// The numbers, and the names by which they are told.
pub(crate) struct Metrics {
    registry: Registry,
    revocations: Histogram,
    lookups: Family<Label, Counter>,
    requests: Family<Status, Histogram, fn() -> Histogram>,
}

/// Where a session was found.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Memory,
    Database,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("cubby"),
            revocations: Histogram::new(REVOCATION),
            lookups: Family::default(),
            requests: Family::new_with_constructor(|| Histogram::new(REQUEST)),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        self.registry.register_with_unit(
            "revocation",
            "From the end of a session to when this process let nobody in by it any more",
            Unit::Seconds,
            self.revocations.clone(),
        );
        self.registry.register(
            "session_lookups",
            "Sessions looked up for a request, by where",
            self.lookups.clone(),
        );
        self.registry.register_with_unit(
            "http_request_duration",
            "From the head of a request to the head of its answer, by status",
            Unit::Seconds,
            self.requests.clone(),
        );
        self
    }

    /// A session that ended so long ago lets nobody in any more.
    pub(crate) fn revoked(&self, age: Duration) {
        self.revocations.observe(age.as_secs_f64());
    }

    pub(crate) fn looked_up(&self, source: Source) {
        let name = match source {
            Source::Memory => "memory",
            Source::Database => "database",
        };
        self.lookups.get_or_create(&[("source", name)]).inc();
    }

    pub(crate) fn answered(&self, status: u16, duration: Duration) {
        let requests = self.requests.get_or_create(&[("status", status)]);
        requests.observe(duration.as_secs_f64());
    }

    /// In the text format of OpenMetrics 1.0.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
