//! The responses of one operation as a stream over HTTP, with heartbeats.

use std::{future, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream::BoxStream};
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::open_streams::StreamPermits;
use crate::{
    error::{AuthFailure, Error},
    http::{
        AppState,
        graphql_response::GraphqlResponse,
        operation::{self, PreparedOperation},
    },
    id::RequestId,
    identity::RequestContext,
    scope::ChangeListener,
};

/// The interval of heartbeats on a stream.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(12);

/// A part of a stream.
pub(in crate::http) enum Item {
    /// A response, as JSON.
    Next(Vec<u8>),
    /// A heartbeat, which shows that the connection works.
    Heartbeat,
    /// The end of the stream.
    Complete,
}

/// The responses of one operation over HTTP.
struct ResponseStream {
    app: Arc<AppState>,
    request_id: RequestId,
    answers: BoxStream<'static, GraphqlResponse>,
    watch: Option<ChangeListener>,
    heartbeat: Interval,
    is_over: bool,
}

/// Runs an operation as a stream of responses, which ends with the session and with the server.
/// Returns once the operation receives every further change.
pub(in crate::http) async fn responses(
    app: Arc<AppState>,
    prepared: PreparedOperation,
    context: RequestContext,
    request_id: RequestId,
    watch: Option<ChangeListener>,
    permits: StreamPermits,
) -> impl Stream<Item = Item> + Send + 'static {
    let listening = Arc::clone(&context.ready);
    let mut answers = ResponseStream {
        answers: operation::subscribe(&app, prepared, context).boxed(),
        app,
        request_id,
        watch,
        heartbeat: heartbeat(),
        is_over: false,
    };
    let (sender, receiver) = mpsc::channel(1);
    // The operation runs on a task of its own, so that a slow client cannot suspend it while it
    // uses a database connection.
    let running = async move {
        while let Some(item) = answers.next().await {
            if sender.send(item).await.is_err() {
                break;
            }
        }
    };
    let running = AbortOnDropHandle::new(tokio::spawn(running.in_current_span()));
    let mut items = ReceiverStream::new(receiver).peekable();
    tokio::select! {
        () = listening.notified() => {}
        // An error, or an operation that is not a subscription.
        _ = Pin::new(&mut items).peek() => {}
    }
    // Dropping the stream ends the operation and releases its permits.
    let held = (items, running, permits);
    futures_util::stream::unfold(held, async |mut held| {
        let item = held.0.next().await?;
        Some((item, held))
    })
}

/// Returns a stream of one response.
pub(in crate::http) fn single_response(
    answer: GraphqlResponse,
    request_id: RequestId,
) -> impl Stream<Item = Item> + Send {
    let json = answer.into_json(request_id);
    futures_util::stream::iter([Item::Next(json), Item::Complete])
}

impl ResponseStream {
    async fn next(&mut self) -> Option<Item> {
        if self.is_over {
            return None;
        }
        let answer = tokio::select! {
            biased;
            () = ended(self.watch.as_mut()) => {
                // The next response is the last one.
                self.answers = futures_util::stream::empty().boxed();
                self.watch = None;
                GraphqlResponse::from_error(Error::Unauthenticated(AuthFailure::SessionEnded))
            }
            () = self.app.streams.stopped() => {
                self.is_over = true;
                return Some(Item::Complete);
            }
            answer = self.answers.next() => match answer {
                Some(answer) => answer,
                None => {
                    self.is_over = true;
                    return Some(Item::Complete);
                }
            },
            _ = self.heartbeat.tick() => return Some(Item::Heartbeat),
        };
        Some(Item::Next(answer.into_json(self.request_id)))
    }
}

/// Waits for the end of the session; never completes for an anonymous stream.
pub(super) async fn ended(watch: Option<&mut ChangeListener>) {
    match watch {
        Some(watch) => watch.ended().await,
        None => future::pending().await,
    }
}

fn heartbeat() -> Interval {
    let mut heartbeat =
        tokio::time::interval_at(Instant::now() + HEARTBEAT_INTERVAL, HEARTBEAT_INTERVAL);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}
