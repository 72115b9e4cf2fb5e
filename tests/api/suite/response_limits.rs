//! The limits on response size and on concurrent operations.

use futures_util::future::join_all;
use serde_json::json;

use super::sockets::Socket;
use crate::harness::{App, Client, TestEnv, apply, each_database};

const PAGE: &str = "{ viewer { tasks(first: 100) { nodes {
    id title description completed completedAt priority version createdAt updatedAt } } } }";

/// Two pages in one operation, within the cost limit.
const PAGES: &str = "{ viewer {
    a: tasks(first: 100) { nodes { description } } b: tasks(first: 100) { nodes { description } } } }";

/// Signs up a user with 100 tasks, a full page, each with a description of the maximum length.
async fn user_with_full_page(app: &App) -> Client {
    let ana = app.sign_up("ana").await;
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
        task { id } userErrors { message } } }";
    // Each character is four bytes in UTF-8.
    let input = json!({ "title": "long", "description": "𝄞".repeat(16_384) });
    for _ in 0..10 {
        let ten = (0..10).map(|_| ana.ask(create, json!({ "input": input })));
        join_all(ten).await;
    }
    ana
}

#[apply(each_database)]
async fn largest_page_fits_and_response_over_8_mib_is_rejected(env: TestEnv) {
    let app = env.app().await;
    let ana = user_with_full_page(&app).await;
    let data = ana.ask(PAGE, json!({})).await;
    let nodes = data["viewer"]["tasks"]["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 100);
    assert!(
        nodes
            .iter()
            .all(|node| node["description"].as_str().unwrap().len() == 65_536)
    );

    let body = json!({ "query": PAGES }).to_string();
    for accept in ["application/json", "application/graphql-response+json"] {
        let reply = ana.post_accepting(accept, body.clone()).await;
        assert_eq!(reply.code(), "RESPONSE_TOO_LARGE");
        assert_eq!(reply.body.get("data"), None);
        assert_eq!(
            reply.status,
            if accept.contains("response") {
                400
            } else {
                200
            }
        );
    }

    let mut socket = Socket::of(&app.serve().await, &ana).await;
    socket.subscribe("page", PAGE).await;
    let page = socket.receive().await;
    assert_eq!(page["payload"]["data"], data);
    assert_eq!(
        socket.receive().await,
        json!({ "id": "page", "type": "complete" })
    );
    socket.subscribe("pages", PAGES).await;
    let rejected = socket.receive().await;
    assert_eq!(rejected["type"], "error");
    assert_eq!(
        rejected["payload"][0]["extensions"]["code"],
        "RESPONSE_TOO_LARGE"
    );
    // The connection stays open.
    socket.subscribe("pages", "{ __typename }").await;
    assert_eq!(
        socket.receive().await["payload"]["data"]["__typename"],
        "Query"
    );
}

#[apply(each_database)]
async fn socket_operations_count_towards_max_requests(env: TestEnv) {
    let app = env.app_with(&["--max-requests", "1"]).await;
    let mut socket = Socket::of(&app.serve().await, &app.anonymous()).await;
    // Each operation hashes a password, so several are in progress at once.
    let sign_in = "mutation { signIn(input: { email: \"ana@example.com\", password: \"wrong\" }) {
        userErrors { code } } }";
    for number in 0..20 {
        socket.subscribe(&number.to_string(), sign_in).await;
    }
    let (mut completed, mut rejected) = (0, 0);
    while completed + rejected < 20 {
        let message = socket.receive().await;
        match message["type"].as_str() {
            Some("complete") => completed += 1,
            Some("error") => {
                let code = &message["payload"][0]["extensions"]["code"];
                assert_eq!(code, "SERVICE_UNAVAILABLE");
                rejected += 1;
            }
            _ => {}
        }
    }
    assert!(
        completed > 0 && rejected > 0,
        "{completed} operations completed, {rejected} were rejected"
    );
}
