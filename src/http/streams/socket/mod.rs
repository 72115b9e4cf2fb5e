//! GraphQL over WebSocket: the `graphql-transport-ws` protocol.

mod close;
mod messages;

use std::{collections::HashMap, future, sync::Arc, time::Duration};

use async_graphql::parser::types::OperationType;
use axum::{
    body::Bytes,
    extract::{
        FromRequestParts,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    http::{StatusCode, header::ORIGIN, request::Parts},
    response::Response,
};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span};

use self::{
    close::Close,
    messages::{Received, Sent},
};
use super::{AnonymousSeat, Seat, ViewersSeat, ended};
use crate::{
    error::{Error, code},
    http::{
        App,
        graphql_request::{Params, object},
        graphql_response::Answer,
        json,
        operation::{self, Admitted},
    },
    id::{RequestId, SessionKey},
    identity::{Authentication, Authorization, Cookies, Device, Network, RequestContext},
    scope::ChangeListener,
};

const PROTOCOL: &str = "graphql-transport-ws";

/// The longest message, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;

/// How many bytes wait for a client to read them before it is given up: an answer, and what answers
/// the client's pings.
const MAX_WAITING: usize = json::MAX_LENGTH + 512 * 1024;

/// How many operations may run on one socket at once.
const MAX_OPERATIONS: usize = 50;

/// How many answers wait for a slow client; who has another waits with it.
const WAITING: usize = 4;

/// How long a client has for its first message, and for taking one of ours.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client has to answer that the socket is closed.
const GOODBYE: Duration = Duration::from_secs(2);

/// How often the client is asked whether it is still there.
const PING: Duration = Duration::from_secs(15);

/// How long a client may say nothing at all.
const SILENCE: Duration = Duration::from_secs(40);

/// How long a socket may be open without a session and without an operation.
const ANONYMOUS_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens a socket, if the client speaks the protocol and its page may.
pub(in crate::http) async fn upgrade(
    app: Arc<App>,
    mut head: Parts,
    device: Device,
    cookies: Cookies,
    request_id: RequestId,
) -> Result<Response, Answer> {
    let refuse = |status, message: &str| Answer::refusal(status, code::BAD_REQUEST, message);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut head, &())
        .await
        .map_err(|rejection| refuse(StatusCode::BAD_REQUEST, &rejection.body_text()))?;
    // A client that is no page sends none.
    if head.headers.contains_key(ORIGIN) && !app.origins.allow(&head.headers) {
        return Err(refuse(
            StatusCode::FORBIDDEN,
            "Pages of this origin may not open a socket. See CUBBY_CORS_ORIGINS.",
        ));
    }
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "Ask for the subprotocol graphql-transport-ws.",
        ));
    }
    let seat = app
        .streams
        .anonymous_seat(Network::of(device.ip_address))
        .ok_or_else(|| Answer::of(Error::Unavailable))?;
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_write_buffer_size(MAX_WAITING)
        .max_frame_size(MAX_MESSAGE);
    let span = Span::current();
    Ok(upgrade.on_upgrade(move |socket| {
        let connection = Connection::new(app, socket, (device, cookies), request_id, seat);
        connection.run().instrument(span)
    }))
}

/// Who is at the other end, once they have said so.
enum Who {
    Unknown,
    Nobody,
    Session(SessionKey, Box<Signed>),
}

/// What a socket with a session holds.
struct Signed {
    watch: ChangeListener,
    _viewers: ViewersSeat,
    _seat: Seat,
}

/// What an operation has to say, once there is room for it.
struct ToSend {
    id: String,
    number: u64,
    json: Bytes,
    is_last: bool,
}

struct Connection {
    app: Arc<App>,
    socket: WebSocket,
    device: Device,
    /// Those of the handshake.
    cookies: Arc<Cookies>,
    request_id: RequestId,
    who: Who,
    /// What runs, by its id. An id may be used again, so each has a number too.
    operations: HashMap<String, (u64, AbortOnDropHandle<()>)>,
    count: u64,
    outbox: mpsc::Sender<ToSend>,
    inbox: mpsc::Receiver<ToSend>,
    ping: Interval,
    heard: Instant,
    /// When an operation began or ended last.
    used: Instant,
    /// Its place while it has no session.
    anonymous: Option<AnonymousSeat>,
}

impl Connection {
    fn new(
        app: Arc<App>,
        socket: WebSocket,
        (device, cookies): (Device, Cookies),
        request_id: RequestId,
        seat: AnonymousSeat,
    ) -> Self {
        let (outbox, inbox) = mpsc::channel(WAITING);
        let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            app,
            socket,
            device,
            cookies: Arc::new(cookies),
            request_id,
            who: Who::Unknown,
            operations: HashMap::new(),
            count: 0,
            outbox,
            inbox,
            ping,
            heard: Instant::now(),
            used: Instant::now(),
            anonymous: Some(seat),
        }
    }

    /// Until either end has had enough.
    async fn run(mut self) {
        let opened = self.heard;
        let close = loop {
            let is_unknown = matches!(self.who, Who::Unknown);
            let is_idle = matches!(self.who, Who::Nobody) && self.operations.is_empty();
            let watch = match &mut self.who {
                Who::Session(_, session) => Some(&mut session.watch),
                Who::Unknown | Who::Nobody => None,
            };
            let done = tokio::select! {
                biased;
                () = ended(watch) => Err(Some(Close::Forbidden)),
                () = self.app.streams.stopped() => Err(Some(Close::GoingAway)),
                () = tokio::time::sleep_until(opened + PATIENCE), if is_unknown => {
                    Err(Some(Close::InitialisationTimeout))
                }
                () = evicted(self.anonymous.as_ref()) => Err(Some(Close::Evicted)),
                () = tokio::time::sleep_until(self.used + ANONYMOUS_IDLE_TIMEOUT), if is_idle => {
                    Err(Some(Close::Idle))
                }
                // Before what the client says, or a client that never stops would never be asked.
                _ = self.ping.tick() => self.ask().await,
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(error)) => Err(Some(Close::of(&error))),
                    None => Err(None),
                },
                Some(to_send) = self.inbox.recv() => self.tell(to_send).await,
            };
            if let Err(close) = done {
                break close;
            }
        };
        if let Some(close) = close {
            // Whoever does not take it is gone anyhow.
            let _ = tokio::time::timeout(GOODBYE, self.close(close)).await;
        }
    }

    /// Says why, and waits for the answer: a connection that is cut may lose what was said.
    async fn close(&mut self, close: Close) -> Result<(), axum::Error> {
        let frame = Message::Close(Some(close.frame()));
        self.socket.send(frame).await?;
        while self.socket.recv().await.transpose()?.is_some() {}
        Ok(())
    }

    /// Answers a message, or says why the socket is closed.
    async fn hear(&mut self, message: Message) -> Result<(), Option<Close>> {
        self.heard = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) => return Err(Some(Close::InvalidMessage)),
            // What follows is the end; asking for it sends the answer to this.
            Message::Close(_) => return Ok(()),
        };
        let invalid = || Some(Close::InvalidMessage);
        let received: Received = object(text.as_bytes(), "The message").map_err(|_| invalid())?;
        let has_payload = matches!(received.payload, Some(Value::Object(_)));
        if !has_payload && !matches!(received.payload, None | Some(Value::Null)) {
            return Err(invalid());
        }
        match (received.kind.as_str(), received.id) {
            ("connection_init", None) => self.greet(received.payload).await,
            ("ping", None) => self.send(messages::bare("pong").into()).await,
            ("pong", None) => Ok(()),
            ("subscribe", Some(id)) if !id.is_empty() && has_payload => {
                let params = Params::of_value(received.payload.unwrap_or_default());
                let params = params.ok().filter(Params::names_document);
                self.subscribe(id, params.ok_or_else(invalid)?).await
            }
            ("complete", Some(id)) => {
                self.used = Instant::now();
                self.operations.remove(&id);
                Ok(())
            }
            _ => Err(invalid()),
        }
    }

    async fn greet(&mut self, payload: Option<Value>) -> Result<(), Option<Close>> {
        if !matches!(self.who, Who::Unknown) {
            return Err(Some(Close::TooManyInitialisations));
        }
        let members = payload.as_ref().and_then(Value::as_object);
        let fields = members.into_iter().flatten();
        let authorization = Authorization::only(
            fields
                .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                .map(|(_, value)| match value {
                    Value::Null => Authorization::Absent,
                    Value::String(field) => Authorization::parse(field),
                    _ => Authorization::Malformed,
                }),
        );
        let authenticator = &self.app.identity.authenticator;
        let credentials = authenticator
            .authenticate(authorization, &self.cookies)
            .await;
        let credentials = credentials.map_err(|_| Some(Close::Unavailable))?;
        self.who = match credentials {
            Authentication::Anonymous => Who::Nobody,
            Authentication::Refused { .. } => return Err(Some(Close::Forbidden)),
            Authentication::Unverified { .. } => return Err(Some(Close::Unavailable)),
            Authentication::Viewer(viewer) => {
                let viewers = self.app.streams.viewers_seat(viewer.user_id());
                let seat = self.anonymous.take().and_then(AnonymousSeat::sign_in);
                let signed = Signed {
                    watch: viewer.listen(),
                    _viewers: viewers.ok_or(Some(Close::TooManySockets))?,
                    _seat: seat.ok_or(Some(Close::Evicted))?,
                };
                Who::Session(viewer.session_key(), Box::new(signed))
            }
        };
        self.send(messages::bare("connection_ack").into()).await
    }

    async fn subscribe(&mut self, id: String, params: Params) -> Result<(), Option<Close>> {
        let credentials = match &self.who {
            Who::Unknown => return Err(Some(Close::Unauthorized)),
            Who::Nobody => self.app.identity.authenticator.anonymous().await,
            Who::Session(session, _) => {
                let resumed = self.app.identity.authenticator.resume(*session).await;
                match resumed.map_err(|_| Some(Close::Unavailable))? {
                    Authentication::Refused { .. } => return Err(Some(Close::Forbidden)),
                    credentials => credentials,
                }
            }
        };
        if self.operations.contains_key(&id) {
            return Err(Some(Close::SubscriberExists(id)));
        }
        let admitted = if self.operations.len() < MAX_OPERATIONS {
            operation::document(&self.app, &params)
                .and_then(|document| operation::admit(&self.app, &document, params))
        } else {
            let message = format!("At most {MAX_OPERATIONS} operations may run on one socket.");
            Err(Answer::refusal(
                StatusCode::TOO_MANY_REQUESTS,
                code::RATE_LIMITED,
                &message,
            ))
        };
        match admitted {
            Ok(admitted) => {
                let context = RequestContext::new(
                    credentials,
                    self.device.clone(),
                    Arc::clone(&self.cookies),
                );
                self.start(id, admitted, context);
                Ok(())
            }
            Err(refused) => {
                let refusal = Sent::answer(&id, refused, self.request_id);
                self.send(refusal.json.into()).await
            }
        }
    }

    /// Runs an operation on a task of its own: a client that reads slowly must not leave a query
    /// half-way, with the connection to the database that it holds.
    fn start(&mut self, id: String, admitted: Admitted, context: RequestContext) {
        self.used = Instant::now();
        self.count += 1;
        let number = self.count;
        let (app, request_id) = (Arc::clone(&self.app), self.request_id);
        let (outbox, name) = (self.outbox.clone(), id.clone());
        let running = async move {
            let mut answers = if admitted.kind == OperationType::Subscription {
                operation::listen(&app, admitted, context).boxed()
            } else {
                let answer = match app.bounds.request() {
                    Some(_place) => operation::run(&app, admitted, context).await,
                    None => Answer::of(Error::Unavailable),
                };
                futures_util::stream::iter([answer]).boxed()
            };
            let mut is_over = false;
            while !is_over {
                let sent = match answers.next().await {
                    Some(answer) => Sent::answer(&name, answer, request_id),
                    None => Sent::complete(&name),
                };
                is_over = sent.is_last;
                let to_send = ToSend {
                    id: name.clone(),
                    number,
                    json: app.bounds.hold_in_turn(sent.json).await,
                    is_last: sent.is_last,
                };
                // Whoever listened is gone with the socket.
                is_over |= outbox.send(to_send).await.is_err();
            }
        };
        let running = AbortOnDropHandle::new(tokio::spawn(running.in_current_span()));
        self.operations.insert(id, (number, running));
    }

    async fn tell(&mut self, to_send: ToSend) -> Result<(), Option<Close>> {
        let ToSend {
            id, number, json, ..
        } = to_send;
        match self.operations.get(&id) {
            Some((running, _)) if *running == number => {}
            // Nothing is told of an operation that was completed meanwhile.
            _ => return Ok(()),
        }
        if to_send.is_last {
            self.used = Instant::now();
            self.operations.remove(&id);
        }
        self.send(json).await
    }

    async fn ask(&mut self) -> Result<(), Option<Close>> {
        if self.heard.elapsed() > SILENCE {
            return Err(Some(Close::GoingAway));
        }
        self.write(Message::Ping(Default::default())).await
    }

    async fn send(&mut self, json: Bytes) -> Result<(), Option<Close>> {
        let text = Utf8Bytes::try_from(json).unwrap_or_default();
        self.write(Message::Text(text)).await
    }

    /// Nothing else happens until the client has taken it, so that a slow one costs no memory.
    async fn write(&mut self, message: Message) -> Result<(), Option<Close>> {
        match tokio::time::timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }
}

/// Waits until the place of a socket without a session is lost.
async fn evicted(seat: Option<&AnonymousSeat>) {
    match seat {
        Some(seat) => seat.evicted().await,
        None => future::pending().await,
    }
}
