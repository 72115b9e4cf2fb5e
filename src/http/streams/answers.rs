//! The answers to one operation as a stream over HTTP, with heartbeats.

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
    error::{Error, Reason},
    http::{
        App,
        graphql_response::Answer,
        operation::{self, Admitted},
    },
    id::RequestId,
    identity::RequestContext,
    scope::ChangeListener,
};

/// The interval of heartbeats on a stream.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(12);

/// A part of a stream.
pub(in crate::http) enum Item {
    /// An answer, as JSON.
    Next(Vec<u8>),
    /// A sign that the stream is alive.
    Heartbeat,
    /// The end.
    Complete,
}

/// The answers to one operation over HTTP.
struct Answers {
    app: Arc<App>,
    request_id: RequestId,
    answers: BoxStream<'static, Answer>,
    watch: Option<ChangeListener>,
    heartbeat: Interval,
    is_over: bool,
}

/// Runs an operation as a stream of answers, which ends with the session and with the server. Returns once the
/// operation misses no further change.
pub(in crate::http) async fn answers(
    app: Arc<App>,
    admitted: Admitted,
    context: RequestContext,
    request_id: RequestId,
    watch: Option<ChangeListener>,
    permits: StreamPermits,
) -> impl Stream<Item = Item> + Send + 'static {
    let listening = Arc::clone(&context.ready);
    let mut answers = Answers {
        answers: operation::listen(&app, admitted, context).boxed(),
        app,
        request_id,
        watch,
        heartbeat: heartbeat(),
        is_over: false,
    };
    let (sender, receiver) = mpsc::channel(1);
    // On a task of its own: a client that reads slowly must not leave a query half-way, with the
    // connection to the database that it holds.
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
        // An error, or an operation that is no subscription.
        _ = Pin::new(&mut items).peek() => {}
    }
    // The operation ends with the stream, and its permits are freed.
    let held = (items, running, permits);
    futures_util::stream::unfold(held, async |mut held| {
        let item = held.0.next().await?;
        Some((item, held))
    })
}

/// A stream of one answer.
pub(in crate::http) fn only(
    answer: Answer,
    request_id: RequestId,
) -> impl Stream<Item = Item> + Send {
    let json = answer.into_json(request_id);
    futures_util::stream::iter([Item::Next(json), Item::Complete])
}

impl Answers {
    async fn next(&mut self) -> Option<Item> {
        if self.is_over {
            return None;
        }
        let answer = tokio::select! {
            biased;
            () = ended(self.watch.as_mut()) => {
                // The next answer is the last.
                self.answers = futures_util::stream::empty().boxed();
                self.watch = None;
                Answer::of(Error::Unauthenticated(Reason::SessionEnded))
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

/// Waits for the end of the session; forever if there is none.
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
