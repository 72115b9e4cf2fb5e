//! Tests of the binary with slow, silent and too many clients, on a real port.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::process::{Cubby, directory};

/// A time limit that only a hanging test exceeds.
const TEST_TIMEOUT: Duration = Duration::from_secs(40);

const HEAD: &str = "POST /graphql HTTP/1.1\r\nhost: cubby\r\ncontent-type: application/json\r\n";

async fn connect(cubby: &Cubby) -> TcpStream {
    TcpStream::connect(&cubby.address).await.unwrap()
}

/// Returns everything that the server sends until it closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    // A reset also ends the connection.
    let _ = timeout(TEST_TIMEOUT, read)
        .await
        .expect("the server closes the connection");
    String::from_utf8_lossy(&text).into_owned()
}

/// Sends the bytes on a new connection, and returns the response.
async fn answer(cubby: &Cubby, bytes: &[u8]) -> String {
    let mut stream = connect(cubby).await;
    // The server may reject the request before it has received all of it.
    let _ = stream.write_all(bytes).await;
    rest(stream).await
}

fn post(body: &str, headers: &str) -> Vec<u8> {
    let length = body.len();
    format!("{HEAD}{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn query() -> String {
    json!({ "query": "{ __typename }" }).to_string()
}

#[tokio::test]
async fn silent_and_slow_clients_time_out() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    let silent = connect(&cubby).await;
    let mut partial = connect(&cubby).await;
    partial.write_all(b"P").await.unwrap();
    let mut head = connect(&cubby).await;
    head.write_all(HEAD.as_bytes()).await.unwrap();
    let mut body = connect(&cubby).await;
    let announced = format!("{HEAD}content-length: 30\r\n\r\n{{");
    body.write_all(announced.as_bytes()).await.unwrap();
    let mut idle = connect(&cubby).await;
    let whole = format!("{HEAD}content-length: {}\r\n\r\n{}", query().len(), query());
    idle.write_all(whole.as_bytes()).await.unwrap();
    let (silent, partial, head, body, idle) = tokio::join!(
        rest(silent),
        rest(partial),
        rest(head),
        rest(body),
        rest(idle)
    );
    assert_eq!((silent.as_str(), partial.as_str()), ("", ""));
    assert!(!head.contains("200 OK"), "{head}");
    assert!(
        body.starts_with("HTTP/1.1 408") && body.contains("BAD_REQUEST"),
        "{body}"
    );
    assert!(idle.contains("200 OK") && idle.contains("Query"), "{idle}");
    cubby.stop().await;
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: cubby\r\nconnection: close\r\n\r\n").into_bytes()
}

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[tokio::test]
async fn requests_beyond_a_limit_name_the_limit() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    for (bytes, status, says) in [
        (post(&long(256 * 1024 + 1), ""), 413, "256 KiB"),
        (
            post(&query(), &format!("x-long: {}\r\n", long(33_000))),
            431,
            "32 KiB",
        ),
        (
            get(&format!("/graphql?query={}", long(9_000))),
            414,
            "8 KiB",
        ),
        (
            post(&query(), "content-encoding: gzip\r\n"),
            415,
            "Content-Encoding",
        ),
        (post(&query(), "host: cubby.example.com\r\n"), 400, "Host"),
        (b"GET /graphql HTTP/1.1\r\n\r\n".to_vec(), 400, "Host"),
    ] {
        let said = answer(&cubby, &bytes).await;
        let begins = format!("HTTP/1.1 {status}");
        assert!(
            said.starts_with(&begins) && said.contains(says),
            "{status}: {said}"
        );
        let (_, body) = said.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    }
    cubby.stop().await;
}

#[tokio::test]
async fn unparseable_headers_get_only_a_status() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    for (bytes, status) in [
        (
            post(&query(), &format!("x-long: {}\r\n", long(200_000))),
            431,
        ),
        (post(&query(), &"x: y\r\n".repeat(101)), 431),
        (get(&format!("/{}", long(70_000))), 414),
        (post(&query(), "content-length: 7\r\n"), 400),
        (post(&query(), "no header\r\n"), 400),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), 400),
    ] {
        let response = answer(&cubby, &bytes).await;
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}")) && response.ends_with("\r\n\r\n"),
            "{status}: {response}"
        );
    }
    cubby.stop().await;
}

#[tokio::test]
async fn excess_connections_and_requests_get_503_at_once() {
    let here = directory();
    let bounds = [("CUBBY_MAX_CONNECTIONS", "9"), ("CUBBY_MAX_REQUESTS", "1")];
    let cubby = Cubby::start(here.path(), &bounds).await;
    // A request whose body is incomplete does not count towards the limit of requests.
    let mut slow = connect(&cubby).await;
    let announced = format!("{HEAD}content-length: 30\r\n\r\n{{");
    slow.write_all(announced.as_bytes()).await.unwrap();
    assert!(answer(&cubby, &post(&query(), "")).await.contains("200 OK"));

    // Each sign-up takes as long as a password hash.
    let sign_ups = (0..6).map(|number| {
        let sign_up = format!(
            "mutation {{ signUp(input: {{ email: \"p{number}@example.com\",
                password: \"correct horse\" }}) {{ tokens {{ accessToken }} }} }}"
        );
        post(&json!({ "query": sign_up }).to_string(), "")
    });
    let sign_ups: Vec<_> = sign_ups.collect();
    let answers = sign_ups.iter().map(|sign_up| answer(&cubby, sign_up));
    let answers = futures_util::future::join_all(answers).await;
    let of = |status: &str| {
        answers
            .iter()
            .filter(|said| said.starts_with(status))
            .count()
    };
    let (done, refused) = (of("HTTP/1.1 200"), of("HTTP/1.1 503"));
    assert!(
        done >= 1 && refused >= 1 && done + refused == 6,
        "{answers:?}"
    );
    let refused = answers.iter().find(|said| said.contains("503")).unwrap();
    assert!(refused.contains("retry-after: 1"), "{refused}");
    assert!(refused.contains("SERVICE_UNAVAILABLE"), "{refused}");

    let mut held = vec![slow];
    for _ in 0..8 {
        held.push(connect(&cubby).await);
    }
    let said = rest(connect(&cubby).await).await;
    assert!(
        said.starts_with("HTTP/1.1 503") && said.ends_with('}'),
        "{said}"
    );
    drop(held);
    // The connections are free once the server has noticed that they are closed.
    while !answer(&cubby, &post(&query(), "")).await.contains("200 OK") {
        tokio::task::yield_now().await;
    }
    cubby.stop().await;
}

#[tokio::test]
async fn open_streams_do_not_delay_shutdown() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    let token = cubby.sign_up("ana").await;
    let body = json!({ "query": "subscription { taskChanges { kind } }" }).to_string();
    let headers = format!("authorization: Bearer {token}\r\naccept: text/event-stream\r\n");
    let mut events = connect(&cubby).await;
    events.write_all(&post(&body, &headers)).await.unwrap();
    let mut begun = [0; 12];
    events.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    let mut request = tungstenite::client::IntoClientRequest::into_client_request(format!(
        "ws://{}/graphql",
        cubby.address
    ))
    .unwrap();
    let protocol = "graphql-transport-ws".parse().unwrap();
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();

    timeout(Duration::from_secs(10), cubby.stop())
        .await
        .expect("it stops");
    assert!(rest(events).await.contains("event: complete"));
    let goodbye = futures_util::StreamExt::next(&mut socket).await;
    let goodbye = goodbye.unwrap().unwrap().to_string();
    assert_eq!(goodbye, "Going away");
}

#[tokio::test]
async fn responses_are_compressed_unless_they_contain_tokens() {
    let here = directory();
    let cubby = Cubby::start(here.path(), &[]).await;
    let asked = |query: &str| {
        post(
            &json!({ "query": query }).to_string(),
            "accept-encoding: gzip\r\n",
        )
    };
    let said = answer(
        &cubby,
        &asked("{ service { version limits { maxDepth maxCost maxFields } } }"),
    )
    .await;
    assert!(said.contains("content-encoding: gzip"), "{said}");
    let sign_up = "mutation { signUp(input: { email: \"a@b.c\", password: \"correct horse\" }) {
        tokens { accessToken } } }";
    let said = answer(&cubby, &asked(sign_up)).await;
    assert!(
        said.contains("accessToken") && !said.contains("content-encoding"),
        "{said}"
    );
    cubby.stop().await;
}
