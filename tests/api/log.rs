//! What the log of the app under test says.

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

thread_local! {
    /// What the database has been asked since somebody began to listen; a test has a thread of its own.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Hears what the log tells of statements. There is one for all threads: which of several is asked
/// whether it wants a line depends on who asks first.
struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        HEARD.with_borrow_mut(|heard| {
            if let Some(heard) = heard {
                event.record(&mut Statements(heard));
            }
        });
    }
}

/// Takes down the statements.
struct Statements<'a>(&'a mut Vec<String>);

impl Visit for Statements<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "sql" {
            self.0.push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// Does the work, and gives the statements that the database was asked meanwhile.
pub(crate) async fn statements<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing_subscriber::registry()
            .with(EnvFilter::new("cubby::db=trace"))
            .with(Listener)
            .init();
    });
    HEARD.set(Some(Vec::new()));
    let result = work.await;
    (result, HEARD.take().unwrap_or_default())
}
