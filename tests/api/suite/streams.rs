//! Tests of subscriptions over HTTP: the events that they send, and when they end.

use std::time::Duration;

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::{
    harness::{Database, TestEnv, apply, each_database, eventually},
    statement_log::statements,
};

/// A subscription with every field of a change.
pub(super) const TASK_CHANGES: &str = "subscription { taskChanges {
    token kind nodeId version at node { ... on Task { id version title } } originSessionId } }";

/// Returns the kind of a change, and the version and the title of its task.
fn parse_event(event: Option<Value>) -> (String, i64, Value) {
    let event = event.expect("the stream is open");
    let change = &event["data"]["taskChanges"];
    let kind = change["kind"].as_str().unwrap_or_else(|| panic!("{event}"));
    let version = change["version"].as_i64().unwrap();
    (kind.to_owned(), version, change["node"]["title"].clone())
}

#[apply(each_database)]
async fn stream_delivers_own_changes_in_order(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    ana.create_task("before").await;
    let mut of_ana = ana.listen(TASK_CHANGES).await;
    let mut of_ben = ben.listen(TASK_CHANGES).await;

    let id = ana.create_task("one").await;
    assert_eq!(
        parse_event(of_ana.next().await),
        ("UPSERT".to_owned(), 1, json!("one"))
    );
    let update =
        "mutation ($id: ID!) { updateTask(input: { id: $id, title: \"two\" }) { task { id } } }";
    ana.ask(update, json!({ "id": id })).await;
    assert_eq!(
        parse_event(of_ana.next().await),
        ("UPSERT".to_owned(), 2, json!("two"))
    );
    // An update that changes nothing sends no event.
    ana.ask(update, json!({ "id": id })).await;
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    ana.ask(delete, json!({ "id": id })).await;
    let event = of_ana.next().await.unwrap();
    let change = &event["data"]["taskChanges"];
    assert_eq!(
        (&change["kind"], &change["node"]),
        (&json!("DELETE"), &Value::Null)
    );
    assert_eq!(
        (&change["nodeId"], &change["version"]),
        (&json!(id), &json!(3))
    );
    let session = ana
        .ask("{ viewer { currentSession { id } } }", json!({}))
        .await;
    assert_eq!(
        change["originSessionId"],
        session["viewer"]["currentSession"]["id"]
    );

    // Ben's first event is about his own task.
    ben.create_task("Ben's").await;
    assert_eq!(
        parse_event(of_ben.next().await),
        ("UPSERT".to_owned(), 1, json!("Ben's"))
    );
}

#[apply(each_database)]
async fn slow_reader_gets_each_task_once_and_misses_none(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let mut listener = ana.listen(TASK_CHANGES).await;
    let mut ids = Vec::new();
    // More tasks than one batch of changes.
    for number in 0..130 {
        ids.push(ana.create_task(&format!("{number}")).await);
    }
    for id in &ids[..120] {
        let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
        ana.ask(delete, json!({ "id": id })).await;
    }
    let mut left: Vec<String> = ids.clone();
    let mut last = 0;
    while !left.is_empty() {
        let event = listener.next().await.unwrap();
        let change = &event["data"]["taskChanges"];
        let id = change["nodeId"].as_str().unwrap();
        let is_deleted = ids[..120].iter().any(|deleted| deleted == id);
        if is_deleted && change["kind"] == "UPSERT" {
            // The task was read before its deletion, whose event is still to come.
            continue;
        }
        assert_eq!(change["kind"] == "DELETE", is_deleted);
        let before = left.len();
        left.retain(|other| other != id);
        assert_eq!(left.len() + 1, before, "{id} twice");
        last += 1;
    }
    assert_eq!(last, 130);
}

#[apply(each_database)]
async fn stream_ends_within_a_second_of_session_end(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let phone = app.sign_in("ana").await;
    let mut of_phone = phone.listen(TASK_CHANGES).await;
    let mut of_ana = ana.listen(TASK_CHANGES).await;
    let begun = tokio::time::Instant::now();
    phone
        .ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    let event = of_phone.next().await.unwrap();
    assert_eq!(event["errors"][0]["extensions"]["reason"], "SESSION_ENDED");
    assert_eq!(event.get("data"), None);
    assert_eq!(of_phone.next().await, None);
    assert!(begun.elapsed().as_millis() < 1_000, "{:?}", begun.elapsed());
    // The stream of the other session continues.
    ana.create_task("one").await;
    assert_eq!(parse_event(of_ana.next().await).2, "one");
    // A stream also ends when its session expires.
    app.advance(Duration::from_hours(30 * 24));
    let event = of_ana.next().await.unwrap();
    assert_eq!(event["errors"][0]["extensions"]["reason"], "SESSION_ENDED");
}

#[apply(each_database)]
async fn anonymous_stream_ends_with_no_credentials(env: TestEnv) {
    let app = env.app().await;
    let mut listener = app.anonymous().listen(TASK_CHANGES).await;
    let event = listener.next().await.unwrap();
    assert_eq!(event["errors"][0]["extensions"]["reason"], "NO_CREDENTIALS");
    assert_eq!(listener.next().await, None);
    let stale = app.anonymous().with_token("forged.token.indeed");
    let reply = stale
        .post_accepting(
            "text/event-stream",
            json!({ "query": TASK_CHANGES }).to_string(),
        )
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.reason()),
        (401, "TOKEN_INVALID")
    );
}

#[apply(each_database)]
async fn single_results_and_errors_are_sent_as_events(env: TestEnv) {
    let app = env.app().await;
    let mut listener = app.anonymous().listen("{ service { version } }").await;
    assert!(listener.next().await.unwrap()["data"]["service"]["version"].is_string());
    assert_eq!(listener.next().await, None);
    let mut listener = app.anonymous().listen("{ nope }").await;
    let event = listener.next().await.unwrap();
    assert_eq!(
        event["errors"][0]["extensions"]["code"],
        "GRAPHQL_VALIDATION_FAILED"
    );
    assert_eq!(listener.next().await, None);
    // A client that accepts no stream gets 406.
    let ana = app.sign_up("ana").await;
    let reply = ana.send(TASK_CHANGES, json!({})).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (406, "BAD_REQUEST"));
}

#[apply(each_database)]
async fn multipart_format_matches_apollo_client(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header(
            "accept",
            "multipart/mixed;subscriptionSpec=1.0, application/json",
        )
        .header(
            "authorization",
            format!("Bearer {}", ana.token.as_ref().unwrap()),
        )
        .body(Body::from(json!({ "query": TASK_CHANGES }).to_string()));
    let response = ana.response(request.unwrap()).await;
    assert_eq!(
        response.headers()["content-type"],
        "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0"
    );
    let mut body = response.into_body();
    ana.create_task("one").await;
    let mut next = async || {
        let frame = body.frame().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    };
    assert_eq!(next().await, "\r\n--graphql");
    let part = next().await;
    let head = "\r\ncontent-type: application/json\r\n\r\n{\"payload\":{\"data\":";
    assert!(part.starts_with(head), "{part}");
    // Apollo Client reads a part only once the next boundary has arrived.
    assert!(part.ends_with("}}\r\n--graphql"), "{part}");
    assert!(part.contains("\"title\":\"one\""), "{part}");
    ana.ask("mutation { signOut { endedSessions } }", json!({}))
        .await;
    assert!(next().await.contains("SESSION_ENDED"));
    assert_eq!(next().await, "--\r\n");
}

#[apply(each_database)]
async fn streams_per_user_and_per_instance_are_limited(env: TestEnv) {
    let app = env
        .app_with(&["--max-streams-per-viewer", "2", "--max-streams", "3"])
        .await;
    let ana = app.sign_up("ana").await;
    let ben = app.sign_up("ben").await;
    let body = json!({ "query": TASK_CHANGES }).to_string();
    let first = ana.listen(TASK_CHANGES).await;
    let _second = ana.listen(TASK_CHANGES).await;
    let reply = ana.post_accepting("text/event-stream", body.clone()).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (429, "RATE_LIMITED"));
    let _third = ben.listen(TASK_CHANGES).await;
    let reply = ben.post_accepting("text/event-stream", body).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (503, "SERVICE_UNAVAILABLE")
    );
    assert_eq!(reply.header("retry-after"), "1");
    drop(first);
    ana.listen(TASK_CHANGES).await;
}

#[apply(each_database)]
async fn idle_streams_read_nothing_until_another_instance_commits(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let other = app.env.app().await;
    let there = other.with_credentials_of(&ana);
    let mut listening = ana.listen(TASK_CHANGES).await;
    if app.env.database == Database::Sqlite {
        // On PostgreSQL, commits to other databases of the server count too.
        let reads = async || {
            let waiting = tokio::time::sleep(Duration::from_secs(1));
            let ((), statements) = statements(waiting).await;
            statements
        };
        eventually("nothing is read", async || reads().await.is_empty()).await;
    }
    there.create_task("elsewhere").await;
    let (kind, _, title) = parse_event(listening.next().await);
    assert_eq!((&*kind, title), ("UPSERT", json!("elsewhere")));
}
