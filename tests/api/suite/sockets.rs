//! Tests of the WebSocket protocol `graphql-transport-ws`.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use super::streams::TASK_CHANGES;
use crate::harness::{App, Client, Database, PASSWORD, TestEnv, apply, each_database, eventually};

const PROTOCOL: &str = "graphql-transport-ws";

pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Opens a WebSocket, with additional headers in the handshake.
pub(super) async fn connect(address: &str, headers: &[(&str, &str)]) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let (socket, response) = tokio_tungstenite::connect_async(request).await?;
    assert_eq!(response.headers()["sec-websocket-protocol"], PROTOCOL);
    Ok(Socket(socket))
}

impl Socket {
    async fn open(address: &str) -> Self {
        connect(address, &[("sec-websocket-protocol", PROTOCOL)])
            .await
            .unwrap()
    }

    /// Opens a socket, and sends `connection_init` with the client's access token, if any.
    pub(super) async fn of(address: &str, client: &Client) -> Self {
        let mut socket = Self::open(address).await;
        let bearer = client.token.as_ref().map(|token| format!("Bearer {token}"));
        let payload = json!({ "Authorization": bearer });
        socket
            .say(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.receive().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub(super) async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        let payload = json!({ "query": query });
        self.say(json!({ "id": id, "type": "subscribe", "payload": payload }))
            .await;
    }

    async fn next(&mut self) -> Message {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(15), self.0.next()).await;
            match message
                .expect("a message arrives within 15 s")
                .expect("the socket is open")
            {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(message) => return message,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) async fn receive(&mut self) -> Value {
        match self.next().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the close frame, and returns its code and reason.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        match self.next().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.to_string()),
            other => panic!("{other:?}"),
        }
    }
}

/// Serves the app, signs Ana up, and returns the address, Ana's client and a socket of hers.
async fn signed_in(app: &App) -> (String, Client, Socket) {
    let address = app.serve().await;
    let ana = app.sign_up("ana").await;
    let socket = Socket::of(&address, &ana).await;
    (address, ana, socket)
}

#[apply(each_database)]
async fn queries_mutations_and_subscriptions_run_over_one_socket(env: TestEnv) {
    let app = env.app().await;
    let (_, _, mut socket) = signed_in(&app).await;
    socket.subscribe("s", TASK_CHANGES).await;
    socket
        .subscribe("q", "{ viewer { email } __typename }")
        .await;
    let next = socket.receive().await;
    assert_eq!(
        next,
        json!({ "id": "q", "type": "next", "payload": {
            "data": { "viewer": { "email": "ana@example.com" }, "__typename": "Query" } } })
    );
    assert_eq!(
        socket.receive().await,
        json!({ "id": "q", "type": "complete" })
    );
    socket
        .subscribe(
            "m",
            "mutation { createTask(input: { title: \"one\" }) { task { title } } }",
        )
        .await;
    let mut messages = Vec::new();
    for _ in 0..3 {
        messages.push(socket.receive().await);
    }
    let of = |id: &str, kind: &str| {
        messages
            .iter()
            .find(|it| it["id"] == id && it["type"] == kind)
    };
    let made = of("m", "next").unwrap();
    assert_eq!(
        made["payload"]["data"]["createTask"]["task"]["title"],
        "one"
    );
    assert!(of("m", "complete").is_some());
    let change = of("s", "next").unwrap();
    assert_eq!(
        change["payload"]["data"]["taskChanges"]["node"]["title"],
        "one"
    );
    // A completed operation sends nothing more, and its id can be used again.
    socket.say(json!({ "id": "s", "type": "complete" })).await;
    socket.subscribe("s", "{ __typename }").await;
    assert_eq!(
        socket.receive().await["payload"]["data"],
        json!({ "__typename": "Query" })
    );
}

#[apply(each_database)]
async fn authorization_key_ignores_case_and_may_be_absent(env: TestEnv) {
    let app = env.app().await;
    let address = app.serve().await;
    let ana = app.sign_up("ana").await;
    let bearer = format!("Bearer {}", ana.token.as_ref().unwrap());
    for (payload, email) in [
        (
            json!({ "authorization": bearer }),
            json!({ "email": "ana@example.com" }),
        ),
        (
            json!({ "AUTHORIZATION": bearer, "other": [1] }),
            json!({ "email": "ana@example.com" }),
        ),
        (
            json!({ "Authorization": "", "authorization": bearer }),
            json!({ "email": "ana@example.com" }),
        ),
        (json!({}), Value::Null),
        (json!({ "Authorization": "" }), Value::Null),
        (json!({ "authorization": " " }), Value::Null),
        (json!({ "Authorization": null }), Value::Null),
        (json!({ "authorization": "Bearer " }), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let mut socket = Socket::open(&address).await;
        socket
            .say(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.receive().await, json!({ "type": "connection_ack" }));
        socket.subscribe("1", "{ viewer { email } }").await;
        assert_eq!(socket.receive().await["payload"]["data"]["viewer"], email);
    }
    // An anonymous request for a private mutation gets an error of the field.
    let mut socket = Socket::of(&address, &app.anonymous()).await;
    socket
        .subscribe(
            "1",
            "mutation { createTask(input: { title: \"x\" }) { task { id } } }",
        )
        .await;
    let next = socket.receive().await;
    assert_eq!(next["type"], "next");
    assert_eq!(
        next["payload"]["errors"][0]["extensions"]["code"],
        "UNAUTHENTICATED"
    );
}

#[apply(each_database)]
async fn invalid_credentials_close_the_socket(env: TestEnv) {
    let app = env.app().await;
    let address = app.serve().await;
    let gone = app.sign_up("ana").await;
    gone.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    let gone = format!("Bearer {}", gone.token.unwrap());
    for payload in [
        json!({ "Authorization": gone }),
        json!({ "Authorization": "Bearer forged.token.indeed" }),
        json!({ "Authorization": "Bearer undefined" }),
        json!({ "Authorization": 7 }),
        json!({ "Authorization": [] }),
        json!({ "Authorization": "Bearer a", "authorization": "Bearer a" }),
    ] {
        let mut socket = Socket::open(&address).await;
        socket
            .say(json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(
            socket.closed().await,
            (4403, "Forbidden".to_owned()),
            "{payload}"
        );
    }
}

#[apply(each_database)]
async fn socket_closes_within_a_second_of_session_end(env: TestEnv) {
    let app = env.app().await;
    let (address, ana, mut listening) = signed_in(&app).await;
    let mut idle = Socket::of(&address, &ana).await;
    let mut anonymous_socket = Socket::of(&address, &app.anonymous()).await;
    listening.subscribe("1", TASK_CHANGES).await;
    let begun = tokio::time::Instant::now();
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    assert_eq!(listening.closed().await.0, 4403);
    assert_eq!(idle.closed().await.0, 4403);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    anonymous_socket.subscribe("1", "{ __typename }").await;
    assert_eq!(anonymous_socket.receive().await["type"], "next");
}

#[apply(each_database)]
async fn socket_survives_sign_in_and_answers_sign_out(env: TestEnv) {
    let app = env.app().await;
    let (_, ana, mut socket) = signed_in(&app).await;
    let sign_in = format!(
        "mutation {{ signIn(input: {{ email: \"ana@example.com\", password: \"{PASSWORD}\" }})
           {{ user {{ email }} userErrors {{ code }} }} }}"
    );
    socket.subscribe("1", &sign_in).await;
    let answer = socket.receive().await;
    let payload = &answer["payload"]["data"]["signIn"];
    assert_eq!(payload["user"]["email"], "ana@example.com", "{answer}");
    assert_eq!(socket.receive().await["type"], "complete");
    ana.ask("{ viewer { email } }", json!({})).await;
    socket
        .subscribe("2", "mutation { signOut { endedSessions } }")
        .await;
    let answer = socket.receive().await;
    let ended = &answer["payload"]["data"]["signOut"]["endedSessions"];
    assert_eq!(ended, 1, "{answer}");
    assert_eq!(socket.receive().await["type"], "complete");
    assert_eq!(socket.closed().await.0, 4403);
}

#[apply(each_database)]
async fn operation_does_not_run_after_session_end(env: TestEnv) {
    let app = env.app().await;
    let (_, ana, mut socket) = signed_in(&app).await;
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    // The operation is sent before the server notices the end of the session.
    socket.subscribe("1", "{ viewer { email } }").await;
    assert_eq!(socket.closed().await.0, 4403);
}

#[apply(each_database)]
async fn invalid_message_closes_the_socket(env: TestEnv) {
    let app = env.app().await;
    let address = app.serve().await;
    let many = "x".repeat(10);
    for message in [
        Message::text(""),
        Message::text("{"),
        Message::text("7"),
        Message::text("[\"connection_init\"]"),
        Message::text(json!({ "type": "hello" }).to_string()),
        Message::text(json!({ "type": 7 }).to_string()),
        Message::text(json!({ "payload": {} }).to_string()),
        Message::text(json!({ "type": "connection_init", "payload": 7 }).to_string()),
        Message::text(json!({ "type": "ping", "payload": [] }).to_string()),
        Message::text(json!({ "type": "connection_ack" }).to_string()),
        Message::text(json!({ "type": "next", "id": "1", "payload": {} }).to_string()),
        Message::text(json!({ "type": "subscribe", "payload": { "query": many } }).to_string()),
        Message::text(json!({ "type": "subscribe", "id": "", "payload": {} }).to_string()),
        Message::text(json!({ "type": "subscribe", "id": "1" }).to_string()),
        Message::text(json!({ "type": "complete" }).to_string()),
        Message::binary(b"{\"type\":\"ping\"}".to_vec()),
    ] {
        let mut socket = Socket::open(&address).await;
        socket.send(message.clone()).await;
        assert_eq!(
            socket.closed().await,
            (4400, "Invalid message".to_owned()),
            "{message}"
        );
    }
    let mut socket = Socket::of(&address, &app.anonymous()).await;
    for payload in [
        json!({ "query": 7 }),
        json!({ "query": "{ a }", "variables": [] }),
        json!({}),
        json!({ "query": null }),
        json!({ "operationName": "Q", "variables": {} }),
        json!({ "documentId": "" }),
        json!({ "extensions": { "persistedQuery": { "version": 1 } } }),
    ] {
        socket
            .say(json!({ "type": "subscribe", "id": "1", "payload": payload }))
            .await;
        let closed = socket.closed().await;
        assert_eq!(closed, (4400, "Invalid message".to_owned()), "{payload}");
        socket = Socket::of(&address, &app.anonymous()).await;
    }
}

#[apply(each_database)]
async fn operations_require_exactly_one_connection_init(env: TestEnv) {
    let app = env.app().await;
    let address = app.serve().await;
    let mut socket = Socket::open(&address).await;
    socket.subscribe("1", "{ __typename }").await;
    assert_eq!(socket.closed().await, (4401, "Unauthorized".to_owned()));
    let mut socket = Socket::of(&address, &app.anonymous()).await;
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(
        socket.closed().await,
        (4429, "Too many initialisation requests".to_owned())
    );
    // A ping is answered even before `connection_init`.
    let mut socket = Socket::open(&address).await;
    socket
        .say(json!({ "type": "ping", "payload": { "a": 1 } }))
        .await;
    assert_eq!(socket.receive().await, json!({ "type": "pong" }));
    socket.say(json!({ "type": "pong" })).await;
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.receive().await, json!({ "type": "connection_ack" }));
}

#[apply(each_database)]
async fn missing_connection_init_times_out(env: TestEnv) {
    let app = env.app().await;
    let mut socket = Socket::open(&app.serve().await).await;
    let timeout = (4408, "Connection initialisation timeout".to_owned());
    assert_eq!(socket.closed().await, timeout);
}

#[apply(each_database)]
async fn close_frame_is_answered_with_a_close_frame(env: TestEnv) {
    let app = env.app().await;
    let (_, _, mut socket) = signed_in(&app).await;
    socket.subscribe("1", TASK_CHANGES).await;
    socket.0.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Message::Close(_)));
}

#[apply(each_database)]
async fn operation_id_is_unique_while_in_use(env: TestEnv) {
    let app = env.app().await;
    let (address, ana, mut socket) = signed_in(&app).await;
    socket.subscribe("1", TASK_CHANGES).await;
    socket.subscribe("1", "{ __typename }").await;
    assert_eq!(
        socket.closed().await,
        (4409, "Subscriber for 1 already exists".to_owned())
    );

    let mut socket = Socket::of(&address, &ana).await;
    let id = "\u{1f600}".repeat(1_000);
    socket.subscribe(&id, TASK_CHANGES).await;
    socket.subscribe(&id, TASK_CHANGES).await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 4409);
    assert!(reason.starts_with("Subscriber for \u{1f600}"), "{reason}");
}

#[apply(each_database)]
async fn subscribe_accepts_a_hash_or_document_id(env: TestEnv) {
    let app = env.app().await;
    let (_, _, mut socket) = signed_in(&app).await;
    let hash = "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38";
    for payload in [
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } }),
        json!({ "query": null, "documentId": "unknown" }),
    ] {
        socket
            .say(json!({ "type": "subscribe", "id": "1", "payload": payload }))
            .await;
        let error = socket.receive().await;
        let code = &error["payload"][0]["extensions"]["code"];
        assert_eq!(code, "PERSISTED_QUERY_NOT_FOUND", "{error}");
    }
}

#[apply(each_database)]
async fn invalid_operation_gets_an_error_message_and_ends(env: TestEnv) {
    let app = env.app().await;
    let (_, _, mut socket) = signed_in(&app).await;
    let mut many = "{ ".to_owned();
    for number in 0..31 {
        many += &format!("a{number}: __typename ");
    }
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        (
            &*(many.replace("{ ", "{ service { ") + "} }"),
            "ALIAS_LIMIT_EXCEEDED",
        ),
        ("query ($x: ID!) { node(id: $x) { id } }", "BAD_USER_INPUT"),
        ("", "BAD_REQUEST"),
    ] {
        socket.subscribe("1", query).await;
        let error = socket.receive().await;
        assert_eq!(
            (&error["id"], &error["type"]),
            (&json!("1"), &json!("error")),
            "{error}"
        );
        assert_eq!(error["payload"][0]["extensions"]["code"], code, "{query}");
        socket.subscribe("1", "{ __typename }").await;
        assert_eq!(socket.receive().await["type"], "next", "{query}");
        assert_eq!(socket.receive().await["type"], "complete");
    }
}

#[apply(each_database)]
async fn operations_per_socket_and_sockets_per_user_are_limited(env: TestEnv) {
    let app = env.app_with(&["--max-streams-per-viewer", "2"]).await;
    let (address, ana, mut socket) = signed_in(&app).await;
    for number in 0..50 {
        socket.subscribe(&number.to_string(), TASK_CHANGES).await;
    }
    socket.subscribe("one more", "{ __typename }").await;
    let error = socket.receive().await;
    assert_eq!(
        (&error["id"], &error["type"]),
        (&json!("one more"), &json!("error"))
    );
    socket.say(json!({ "id": "7", "type": "complete" })).await;
    socket.subscribe("one more", "{ __typename }").await;
    assert_eq!(socket.receive().await["type"], "next");

    let _second = Socket::of(&address, &ana).await;
    let mut third = Socket::open(&address).await;
    let bearer = format!("Bearer {}", ana.token.as_ref().unwrap());
    third
        .say(json!({ "type": "connection_init", "payload": { "Authorization": bearer } }))
        .await;
    assert_eq!(third.closed().await, (4429, "Too many sockets".to_owned()));
}

#[apply(each_database)]
async fn signed_in_sockets_evict_anonymous_ones(env: TestEnv) {
    let app = env.app_with(&["--max-streams", "8"]).await;
    let address = app.serve().await;
    let ana = app.sign_up("ana").await;
    let mut silent = Vec::new();
    let mut anonymous = Vec::new();
    for _ in 0..20 {
        silent.push(Socket::open(&address).await);
        anonymous.push(Socket::of(&address, &app.anonymous()).await);
    }
    let evicted = (1013, "Too many sockets without a session".to_owned());
    assert_eq!(silent[0].closed().await, evicted);
    assert_eq!(anonymous[0].closed().await, evicted);
    let mut of_ana = Vec::new();
    for _ in 0..8 {
        let mut socket = Socket::of(&address, &ana).await;
        socket.subscribe("1", TASK_CHANGES).await;
        socket.subscribe("2", "{ viewer { email } }").await;
        let next = socket.receive().await;
        assert_eq!((&next["id"], &next["type"]), (&json!("2"), &json!("next")));
        of_ana.push(socket);
    }
    assert_eq!(anonymous[19].closed().await, evicted);
    // All permits are taken by sockets with a session, which are never evicted.
    let protocol = ("sec-websocket-protocol", PROTOCOL);
    match connect(&address, &[protocol]).await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{:?}", other.err()),
    }
}

#[apply(each_database)]
async fn anonymous_sockets_per_network_are_limited(env: TestEnv) {
    let app = env
        .app_with(&["--max-anonymous-streams-per-network", "2"])
        .await;
    let address = app.serve().await;
    let ana = app.sign_up("ana").await;
    let mut of_ana = Socket::of(&address, &ana).await;
    let mut first = Socket::of(&address, &app.anonymous()).await;
    let mut second = Socket::of(&address, &app.anonymous()).await;
    let mut third = Socket::of(&address, &app.anonymous()).await;
    assert_eq!(first.closed().await.0, 1013);
    let stream = app.anonymous().listen(TASK_CHANGES).await;
    assert_eq!(second.closed().await.0, 1013);
    drop(stream);
    for socket in [&mut third, &mut of_ana] {
        socket.subscribe("1", "{ __typename }").await;
        assert_eq!(socket.receive().await["type"], "next");
    }
}

#[apply(each_database)]
async fn idle_anonymous_socket_is_closed(env: TestEnv) {
    let app = env.app().await;
    let (address, _, mut of_ana) = signed_in(&app).await;
    let mut socket = Socket::of(&address, &app.anonymous()).await;
    socket.subscribe("1", "{ __typename }").await;
    assert_eq!(socket.receive().await["type"], "next");
    assert_eq!(socket.receive().await["type"], "complete");
    let closed = tokio::time::timeout(Duration::from_secs(40), async {
        loop {
            if let Some(Ok(Message::Close(Some(frame)))) = socket.0.next().await {
                return (u16::from(frame.code), frame.reason.to_string());
            }
        }
    });
    let idle = (1000, "Idle without a session".to_owned());
    assert_eq!(closed.await.expect("the socket is closed"), idle);
    of_ana.subscribe("1", "{ __typename }").await;
    assert_eq!(of_ana.receive().await["type"], "next");
}

#[apply(each_database)]
async fn too_long_message_closes_the_socket(env: TestEnv) {
    let app = env.app().await;
    let (_, _, mut socket) = signed_in(&app).await;
    let query = format!("{{ __typename }} #{}", " ".repeat(64 * 1024));
    let payload = json!({ "query": query });
    let message = json!({ "id": "1", "type": "subscribe", "payload": payload }).to_string();
    // The server may close the connection before the message is sent.
    let _ = socket.0.send(Message::text(message)).await;
    let end = tokio::time::timeout(Duration::from_secs(5), socket.0.next())
        .await
        .unwrap();
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
}

#[apply(each_database)]
async fn invalid_frames_close_with_the_matching_code(env: TestEnv) {
    let app = env.app().await;
    let address = app.serve().await;
    let half = "x".repeat(40 * 1024);
    for (frames, code) in [
        (
            vec![
                Frame::message(half.clone(), OpCode::Data(Data::Text), false),
                Frame::message(half, OpCode::Data(Data::Continue), true),
            ],
            1009,
        ),
        (
            vec![Frame::message(vec![0xff], OpCode::Data(Data::Text), true)],
            1007,
        ),
        (
            vec![Frame::message("x", OpCode::Data(Data::Continue), true)],
            1002,
        ),
    ] {
        let mut socket = Socket::open(&address).await;
        for frame in frames {
            socket.send(Message::Frame(frame)).await;
        }
        assert_eq!(socket.closed().await.0, code);
    }
}

#[apply(each_database)]
async fn other_origins_and_protocols_are_rejected(env: TestEnv) {
    let app = env
        .app_with(&["--cors-origins", "https://app.example.com"])
        .await;
    let address = app.serve().await;
    let own = format!("http://{address}");
    let protocol = ("sec-websocket-protocol", PROTOCOL);
    let (_, port) = address.split_once(':').unwrap();
    let mapped = format!("http://[::ffff:127.0.0.1]:{port}");
    for origin in [
        "https://app.example.com",
        "HTTPS://APP.example.com:443",
        "http://localhost:5173",
        &own,
        &mapped,
    ] {
        assert!(
            connect(&address, &[protocol, ("origin", origin)])
                .await
                .is_ok(),
            "{origin}"
        );
    }
    let both = ("sec-websocket-protocol", "graphql-ws, graphql-transport-ws");
    assert!(connect(&address, &[both]).await.is_ok());
    for (headers, status) in [
        (vec![protocol, ("origin", "https://evil.example")], 403),
        (vec![protocol, ("origin", "null")], 403),
        (vec![("sec-websocket-protocol", "graphql-ws")], 400),
        (vec![], 400),
    ] {
        match connect(&address, &headers).await {
            Err(Error::Http(response)) => {
                assert_eq!(response.status(), status, "{headers:?}");
                let body = response.body().as_deref().unwrap_or_default();
                assert!(body.starts_with(b"{\"errors\":"), "{body:?}");
            }
            other => panic!("{headers:?}: {:?}", other.err()),
        }
    }
}

/// A client that subscribes and then reads its tasks must not miss a change in between.
#[tokio::test]
async fn message_after_subscribe_waits_for_subscription_start() {
    let Some(env) = TestEnv::new(Database::Postgresql).await else {
        return;
    };
    // A busy machine may need more than the second for which a socket waits.
    for _ in 0..20 {
        let app = env.fresh().await.app().await;
        let (_, _, mut socket) = signed_in(&app).await;
        // The subscription starts at the change number that it reads from `change_logs`.
        let held = app.connect().await.begin().await.unwrap();
        let lock = "LOCK TABLE change_logs IN ACCESS EXCLUSIVE MODE";
        held.execute_unprepared(lock).await.unwrap();
        let begun = tokio::time::Instant::now();
        socket
            .subscribe("changes", "subscription { taskChanges { nodeId } }")
            .await;
        socket.subscribe("name", "{ __typename }").await;
        let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
            WHERE datname = current_database() AND NOT granted";
        eventually("the subscription waits", async || {
            app.sql(waiting).await == [1]
        })
        .await;
        let early = tokio::time::timeout(Duration::from_millis(200), socket.receive()).await;
        let was_in_time = begun.elapsed() < Duration::from_secs(1);
        held.commit().await.unwrap();
        if was_in_time {
            assert!(early.is_err());
            assert_eq!(socket.receive().await["id"], "name");
            return;
        }
    }
    panic!("the subscription never waited within a second");
}
