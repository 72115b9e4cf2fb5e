//! One socket: handles its messages, runs its operations, and closes it.

use std::{collections::HashMap, future, sync::Arc, time::Duration};

use async_graphql::parser::types::OperationType;
use axum::{
    body::Bytes,
    extract::ws::{Message, Utf8Bytes, WebSocket},
    http::StatusCode,
};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{
    close::Close,
    messages::{self, ClientMessage, Sent},
};
use crate::{
    error::{Error, code},
    http::{
        AppState,
        graphql_request::{GraphqlRequest, object},
        graphql_response::GraphqlResponse,
        operation::{self, PreparedOperation},
        streams::{
            anonymous::AnonymousStreamPermit,
            answers::ended,
            permit::{StreamPermit, UserStreamPermit},
        },
    },
    id::{RequestId, SessionKey},
    identity::{Authentication, Authorization, Cookies, Device, RequestContext},
    scope::ChangeListener,
};

/// The maximum number of operations that run on one socket at once.
const MAX_OPERATIONS: usize = 50;

/// The maximum number of messages that are queued for a slow client. Further operations wait to
/// send theirs.
const MAX_QUEUED_MESSAGES: usize = 4;

/// The maximum time to receive the client's `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time to send a message to the client.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time to receive the client's close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The interval of pings to the client.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// The maximum time without a message of the client, pongs included.
const PEER_TIMEOUT: Duration = Duration::from_secs(40);

/// The maximum time that a socket without a session may be without an operation.
const ANONYMOUS_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The maximum time for which later messages wait until a subscription receives every change.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// The authentication of the socket's client.
enum Peer {
    /// Before `connection_init`.
    Unknown,
    Anonymous,
    Session(SessionKey, Box<SignedIn>),
}

/// The listener and the permits of a socket with a session.
struct SignedIn {
    watch: ChangeListener,
    _user: UserStreamPermit,
    _permit: StreamPermit,
}

/// A message of an operation in the socket's queue.
struct ToSend {
    id: String,
    number: u64,
    json: Bytes,
    is_last: bool,
}

pub(super) struct Connection {
    app: Arc<AppState>,
    socket: WebSocket,
    device: Device,
    /// The cookies of the handshake request.
    cookies: Arc<Cookies>,
    request_id: RequestId,
    peer: Peer,
    /// The running operations by their ids. A client may reuse an id, so each operation also has a
    /// unique number.
    operations: HashMap<String, (u64, AbortOnDropHandle<()>)>,
    last_number: u64,
    // Boxed, because a channel allocates memory for 32 messages.
    outbox: mpsc::Sender<Box<ToSend>>,
    inbox: mpsc::Receiver<Box<ToSend>>,
    ping: Interval,
    /// The time when the last message of the client was received.
    heard_at: Instant,
    /// The time when the last operation started or ended.
    used_at: Instant,
    /// The permit of the socket until it has a session.
    anonymous: Option<AnonymousStreamPermit>,
}

impl Connection {
    pub(super) fn new(
        app: Arc<AppState>,
        socket: WebSocket,
        (device, cookies): (Device, Cookies),
        request_id: RequestId,
        permit: AnonymousStreamPermit,
    ) -> Self {
        let (outbox, inbox) = mpsc::channel(MAX_QUEUED_MESSAGES);
        let mut ping = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            app,
            socket,
            device,
            cookies: Arc::new(cookies),
            request_id,
            peer: Peer::Unknown,
            operations: HashMap::new(),
            last_number: 0,
            outbox,
            inbox,
            ping,
            heard_at: Instant::now(),
            used_at: Instant::now(),
            anonymous: Some(permit),
        }
    }

    /// Serves the socket until either end closes it.
    pub(super) async fn run(mut self) {
        let opened = self.heard_at;
        let close = loop {
            let is_unknown = matches!(self.peer, Peer::Unknown);
            let is_idle = matches!(self.peer, Peer::Anonymous) && self.operations.is_empty();
            let watch = match &mut self.peer {
                Peer::Session(_, session) => Some(&mut session.watch),
                Peer::Unknown | Peer::Anonymous => None,
            };
            let done = tokio::select! {
                biased;
                () = ended(watch) => Err(Some(Close::Forbidden)),
                () = self.app.streams.stopped() => Err(Some(Close::GoingAway)),
                () = tokio::time::sleep_until(opened + INIT_TIMEOUT), if is_unknown => {
                    Err(Some(Close::InitialisationTimeout))
                }
                () = evicted(self.anonymous.as_ref()) => Err(Some(Close::Evicted)),
                () = tokio::time::sleep_until(self.used_at + ANONYMOUS_IDLE_TIMEOUT), if is_idle => {
                    Err(Some(Close::Idle))
                }
                // Pings come before messages, so that a client that never stops sending is still
                // pinged.
                _ = self.ping.tick() => self.send_ping().await,
                message = self.socket.recv() => match message {
                    // Boxed, because it would take most of the memory of an idle socket.
                    Some(Ok(message)) => Box::pin(self.on_message(message)).await,
                    Some(Err(error)) => Err(Some(Close::of(&error))),
                    None => Err(None),
                },
                Some(to_send) = self.inbox.recv() => self.send_result(*to_send).await,
            };
            if let Err(close) = done {
                break close;
            }
        };
        if let Some(close) = close {
            // A client that does not respond in time is gone.
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.close(close)).await;
        }
    }

    /// Sends a close frame and waits for the client's. Messages could be lost if the connection
    /// were closed earlier.
    async fn close(&mut self, close: Close) -> Result<(), axum::Error> {
        let frame = Message::Close(Some(close.frame()));
        self.socket.send(frame).await?;
        while self.socket.recv().await.transpose()?.is_some() {}
        Ok(())
    }

    /// Handles a message. Fails with the reason if the socket must be closed.
    async fn on_message(&mut self, message: Message) -> Result<(), Option<Close>> {
        self.heard_at = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            // The library responds to pings.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) => return Err(Some(Close::InvalidMessage)),
            // The library responds with the next read, which ends the stream.
            Message::Close(_) => return Ok(()),
        };
        let invalid = || Some(Close::InvalidMessage);
        let received: ClientMessage =
            object(text.as_bytes(), "The message").map_err(|_| invalid())?;
        let has_payload = matches!(received.payload, Some(Value::Object(_)));
        if !has_payload && !matches!(received.payload, None | Some(Value::Null)) {
            return Err(invalid());
        }
        match (received.kind.as_str(), received.id) {
            ("connection_init", None) => self.on_init(received.payload).await,
            ("ping", None) => self.send(messages::without_operation("pong").into()).await,
            ("pong", None) => Ok(()),
            ("subscribe", Some(id)) if !id.is_empty() && has_payload => {
                let params = GraphqlRequest::from_value(received.payload.unwrap_or_default());
                let params = params.ok().filter(GraphqlRequest::has_document);
                self.subscribe(id, params.ok_or_else(invalid)?).await
            }
            ("complete", Some(id)) => {
                self.used_at = Instant::now();
                self.operations.remove(&id);
                Ok(())
            }
            _ => Err(invalid()),
        }
    }

    async fn on_init(&mut self, payload: Option<Value>) -> Result<(), Option<Close>> {
        if !matches!(self.peer, Peer::Unknown) {
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
        self.peer = match credentials {
            Authentication::Anonymous => Peer::Anonymous,
            Authentication::Refused { .. } => return Err(Some(Close::Forbidden)),
            Authentication::Unverified { .. } => return Err(Some(Close::Unavailable)),
            Authentication::Viewer(viewer) => {
                let user = self.app.streams.user_permit(viewer.user_id());
                let permit = self
                    .anonymous
                    .take()
                    .and_then(AnonymousStreamPermit::sign_in);
                let signed_in = SignedIn {
                    watch: viewer.listen(),
                    _user: user.ok_or(Some(Close::TooManySockets))?,
                    _permit: permit.ok_or(Some(Close::Evicted))?,
                };
                Peer::Session(viewer.session_key(), Box::new(signed_in))
            }
        };
        self.send(messages::without_operation("connection_ack").into())
            .await
    }

    async fn subscribe(&mut self, id: String, params: GraphqlRequest) -> Result<(), Option<Close>> {
        let credentials = match &self.peer {
            Peer::Unknown => return Err(Some(Close::Unauthorized)),
            Peer::Anonymous => self.app.identity.authenticator.anonymous().await,
            Peer::Session(session, _) => {
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
        let prepared = if self.operations.len() < MAX_OPERATIONS {
            operation::document(&self.app, &params)
                .and_then(|document| operation::prepare(&self.app, document, params))
        } else {
            let message = format!("At most {MAX_OPERATIONS} operations may run on one socket.");
            Err(GraphqlResponse::rejection(
                StatusCode::TOO_MANY_REQUESTS,
                code::RATE_LIMITED,
                &message,
            ))
        };
        match prepared {
            Ok(prepared) => {
                let context = RequestContext::new(
                    credentials,
                    self.device.clone(),
                    Arc::clone(&self.cookies),
                );
                self.start(id, prepared, context).await;
                Ok(())
            }
            Err(refused) => {
                let refusal = Sent::answer(&id, refused, self.request_id);
                self.send(refusal.json.into()).await
            }
        }
    }

    /// Starts an operation on a task of its own, so that a slow client cannot suspend it while it
    /// uses a database connection.
    ///
    /// For a subscription, returns once it receives every change: the client's next message may be
    /// the query that reads the initial state.
    async fn start(&mut self, id: String, prepared: PreparedOperation, context: RequestContext) {
        self.used_at = Instant::now();
        self.last_number += 1;
        let number = self.last_number;
        let (app, request_id) = (Arc::clone(&self.app), self.request_id);
        let (outbox, name) = (self.outbox.clone(), id.clone());
        let is_subscription = prepared.kind == OperationType::Subscription;
        let (ready, ended) = (Arc::clone(&context.ready), Arc::clone(&context.ready));
        let running = async move {
            let mut answers = if is_subscription {
                operation::subscribe(&app, prepared, context).boxed()
            } else {
                let answer = match app.admission.request() {
                    Some(_permit) => operation::run(&app, prepared, context).await,
                    None => GraphqlResponse::from_error(Error::Unavailable),
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
                    json: app.admission.track_when_free(sent.json).await,
                    is_last: sent.is_last,
                };
                // Sending fails if the socket is closed.
                is_over |= outbox.send(Box::new(to_send)).await.is_err();
            }
            ended.notify_one();
        };
        let running = AbortOnDropHandle::new(tokio::spawn(running.in_current_span()));
        self.operations.insert(id, (number, running));
        if is_subscription {
            let _ = tokio::time::timeout(READY_TIMEOUT, ready.notified()).await;
        }
    }

    async fn send_result(&mut self, to_send: ToSend) -> Result<(), Option<Close>> {
        let ToSend {
            id, number, json, ..
        } = to_send;
        match self.operations.get(&id) {
            Some((running, _)) if *running == number => {}
            // The client has completed the operation in the meantime.
            _ => return Ok(()),
        }
        if to_send.is_last {
            self.used_at = Instant::now();
            self.operations.remove(&id);
        }
        self.send(json).await
    }

    async fn send_ping(&mut self) -> Result<(), Option<Close>> {
        if self.heard_at.elapsed() > PEER_TIMEOUT {
            return Err(Some(Close::GoingAway));
        }
        self.write(Message::Ping(Default::default())).await
    }

    async fn send(&mut self, json: Bytes) -> Result<(), Option<Close>> {
        let text = Utf8Bytes::try_from(json).unwrap_or_default();
        self.write(Message::Text(text)).await
    }

    /// Waits until the message is sent, so that messages for a slow client do not use memory.
    async fn write(&mut self, message: Message) -> Result<(), Option<Close>> {
        match tokio::time::timeout(WRITE_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }
}

/// Waits until the socket is evicted; never completes for a socket with a session.
async fn evicted(permit: Option<&AnonymousStreamPermit>) {
    match permit {
        Some(permit) => permit.evicted().await,
        None => future::pending().await,
    }
}
