//! Records the SQL statements that the app under test sends, from its log.

use std::{cell::RefCell, fmt, sync::Once};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{self, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::sharding::names_its_owner;

thread_local! {
    /// The statements since [`statements`] began to record; each test has its own thread.
    static RECORDED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
    /// The statements of this test that name no owner.
    static WITHOUT_OWNER: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Receives each statement that is logged. One subscriber serves all threads, since `tracing`
/// caches per call site which subscriber is interested.
struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let mut statements = Vec::new();
        event.record(&mut Statements(&mut statements));
        WITHOUT_OWNER.with_borrow_mut(|found| {
            let wrong = statements.iter().filter(|sql| !names_its_owner(sql));
            found.extend(wrong.cloned());
        });
        RECORDED.with_borrow_mut(|heard| {
            if let Some(heard) = heard {
                heard.append(&mut statements);
            }
        });
    }
}

/// Collects the statements of an event.
struct Statements<'a>(&'a mut Vec<String>);

impl Visit for Statements<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "sql" {
            self.0.push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing_subscriber::registry()
            .with(EnvFilter::new("cubby::db=trace"))
            .with(Listener)
            .init();
    });
}

/// Runs the work, and returns the statements that it sent.
pub(crate) async fn statements<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    listen();
    RECORDED.set(Some(Vec::new()));
    let result = work.await;
    (result, RECORDED.take().unwrap_or_default())
}

/// Runs the work, and returns the statements that it sent without an owner.
pub(crate) async fn statements_without_owner<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    listen();
    let result = work.await;
    (result, WITHOUT_OWNER.take())
}
