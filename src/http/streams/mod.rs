//! Streams of answers: who may open one, what comes down it, and what ends it.

mod anonymous;
mod multipart;
mod socket;
mod sse;

use std::{
    collections::HashMap,
    future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{
    App,
    graphql_response::Answer,
    operation::{self, Admitted},
};
use crate::{
    config::ConnectionLimits,
    error::{Error, Reason, code},
    id::{RequestId, UserId},
    identity::{Authentication, Network, RequestContext},
    scope::ChangeListener,
};

use anonymous::{AnonymousSeat, AnonymousStreams};
pub(super) use multipart::parts;
pub(super) use socket::upgrade;
pub(super) use sse::events;

/// How often a stream on which nothing happens says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(12);

/// The streams that are open: how many, whose, and the word that ends them all.
pub(crate) struct Streams {
    limits: ConnectionLimits,
    seats: Arc<Semaphore>,
    of_viewers: Arc<Mutex<HashMap<UserId, u32>>>,
    anonymous: Arc<AnonymousStreams>,
    stopping: watch::Receiver<bool>,
}

/// The place that a stream takes up while it is open.
pub(super) struct Seat {
    _permit: OwnedSemaphorePermit,
}

/// The place that a stream takes up among its viewer's.
pub(super) struct ViewersSeat {
    user_id: UserId,
    of_viewers: Arc<Mutex<HashMap<UserId, u32>>>,
}

impl Streams {
    pub(crate) fn new(limits: ConnectionLimits, stopping: watch::Receiver<bool>) -> Self {
        Self {
            limits,
            seats: Arc::new(Semaphore::new(limits.max_streams as usize)),
            of_viewers: Arc::default(),
            anonymous: Arc::new(AnonymousStreams::new(
                limits.max_anonymous_streams_per_network,
                // The other half is for those who are signed in.
                limits.max_streams.div_ceil(2),
            )),
            stopping,
        }
    }

    /// A place for a stream that is signed in: a free one, or else an anonymous stream's.
    fn seat(&self) -> Option<Seat> {
        self.free_seat().or_else(|| {
            self.anonymous.make_way();
            self.free_seat()
        })
    }

    /// A place for a stream that is not signed in, or not yet.
    fn anonymous_seat(&self, network: Network) -> Option<AnonymousSeat> {
        self.anonymous.make_room(&network);
        let seat = self.seat()?;
        Some(self.anonymous.add(network, seat))
    }

    fn free_seat(&self) -> Option<Seat> {
        let permit = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        Some(Seat { _permit: permit })
    }

    /// A place among the viewer's, if there is one.
    fn viewers_seat(&self, user_id: UserId) -> Option<ViewersSeat> {
        let mut of_viewers = self
            .of_viewers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = of_viewers.entry(user_id).or_default();
        if *count >= self.limits.max_streams_per_viewer {
            return None;
        }
        *count += 1;
        Some(ViewersSeat {
            user_id,
            of_viewers: Arc::clone(&self.of_viewers),
        })
    }

    /// Waits until every stream has ended.
    pub(crate) async fn all_closed(&self) {
        // It is never closed, so this cannot fail.
        let _ = self.seats.acquire_many(self.limits.max_streams).await;
    }

    /// Waits until the server stops.
    async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        if stopping.wait_for(|stopping| *stopping).await.is_err() {
            future::pending().await
        }
    }
}

impl Drop for ViewersSeat {
    fn drop(&mut self) {
        let mut of_viewers = self
            .of_viewers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = of_viewers.get_mut(&self.user_id) {
            *count -= 1;
            if *count == 0 {
                of_viewers.remove(&self.user_id);
            }
        }
    }
}

/// The places that a stream over HTTP takes up.
pub(super) enum Seats {
    Viewer { _seat: Seat, _viewers: ViewersSeat },
    Anonymous { _seat: AnonymousSeat },
}

/// The places for a stream over HTTP, and what tells of the end of its session.
pub(super) fn seats(
    streams: &Streams,
    credentials: &Authentication,
    network: Network,
) -> Result<(Option<ChangeListener>, Seats), Answer> {
    let no_room = || Answer::of(Error::Unavailable);
    let Authentication::Viewer(viewer) = credentials else {
        let seat = streams.anonymous_seat(network).ok_or_else(no_room)?;
        return Ok((None, Seats::Anonymous { _seat: seat }));
    };
    let viewers = streams.viewers_seat(viewer.user_id()).ok_or_else(|| {
        let most = streams.limits.max_streams_per_viewer;
        let message = format!("At most {most} streams may be open at once. Close one first.");
        Answer::refusal(StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED, &message)
    })?;
    let seats = Seats::Viewer {
        _seat: streams.seat().ok_or_else(no_room)?,
        _viewers: viewers,
    };
    Ok((Some(viewer.listen()), seats))
}

/// What comes down a stream.
pub(super) enum Item {
    /// An answer, as JSON.
    Next(Vec<u8>),
    /// Nothing has happened for a while.
    Heartbeat,
    /// The last one.
    Complete,
}

/// One operation's answers over HTTP, to the last.
struct Answers {
    app: Arc<App>,
    request_id: RequestId,
    answers: BoxStream<'static, Answer>,
    watch: Option<ChangeListener>,
    heartbeat: Interval,
    is_over: bool,
}

/// Runs an operation as a stream of answers, which ends with the session and with the server. It is
/// there once the operation misses nothing any more.
pub(super) async fn answers(
    app: Arc<App>,
    admitted: Admitted,
    context: RequestContext,
    request_id: RequestId,
    watch: Option<ChangeListener>,
    seats: Seats,
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
        // There is an error, or it is no subscription.
        _ = Pin::new(&mut items).peek() => {}
    }
    // What runs ends with the stream, and the seats are free.
    let held = (items, running, seats);
    futures_util::stream::unfold(held, async |mut held| {
        let item = held.0.next().await?;
        Some((item, held))
    })
}

/// An answer that was there before any stream, as one.
pub(super) fn only(answer: Answer, request_id: RequestId) -> impl Stream<Item = Item> + Send {
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
                // The one that follows is the last.
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

/// Waits for the end of the session, of which nobody has none.
async fn ended(watch: Option<&mut ChangeListener>) {
    match watch {
        Some(watch) => watch.ended().await,
        None => future::pending().await,
    }
}

fn heartbeat() -> Interval {
    let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}
