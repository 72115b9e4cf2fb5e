//! How much is answered at once.

use futures_util::future::join_all;
use serde_json::json;

use super::sockets::Socket;
use crate::harness::{App, Client, TestEnv, apply, each_database};

const PAGE: &str = "{ viewer { tasks(first: 100) { nodes {
    id title description completed completedAt priority version createdAt updatedAt } } } }";

/// Two pages, in an operation that costs no more than it may.
const PAGES: &str = "{ viewer {
    a: tasks(first: 100) { nodes { description } } b: tasks(first: 100) { nodes { description } } } }";

/// Somebody with as many tasks as a page has, each as long as one can be.
async fn with_a_full_page(app: &App) -> Client {
    let ana = app.sign_up("ana").await;
    let create = "mutation ($input: CreateTaskInput!) { createTask(input: $input) {
        task { id } userErrors { message } } }";
    // Four bytes each.
    let input = json!({ "title": "long", "description": "𝄞".repeat(16_384) });
    for _ in 0..10 {
        let ten = (0..10).map(|_| ana.ask(create, json!({ "input": input })));
        join_all(ten).await;
    }
    ana
}

#[apply(each_database)]
async fn a_page_of_the_longest_tasks_is_answered_and_no_more_than_8_mib(env: TestEnv) {
    let app = env.app().await;
    let ana = with_a_full_page(&app).await;
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
    let page = socket.hear().await;
    assert_eq!(page["payload"]["data"], data);
    assert_eq!(
        socket.hear().await,
        json!({ "id": "page", "type": "complete" })
    );
    socket.subscribe("pages", PAGES).await;
    let refused = socket.hear().await;
    assert_eq!(refused["type"], "error");
    assert_eq!(
        refused["payload"][0]["extensions"]["code"],
        "RESPONSE_TOO_LARGE"
    );
    // It goes on.
    socket.subscribe("pages", "{ __typename }").await;
    assert_eq!(
        socket.hear().await["payload"]["data"]["__typename"],
        "Query"
    );
}

#[apply(each_database)]
async fn operations_of_a_socket_are_among_the_requests_that_are_worked_on(env: TestEnv) {
    let app = env.app_with(&["--max-requests", "1"]).await;
    let mut socket = Socket::of(&app.serve().await, &app.nobody()).await;
    // Each takes as long as a hash.
    let sign_in = "mutation { signIn(input: { email: \"ana@example.com\", password: \"wrong\" }) {
        userErrors { code } } }";
    for number in 0..20 {
        socket.subscribe(&number.to_string(), sign_in).await;
    }
    let (mut answered, mut refused) = (0, 0);
    while answered + refused < 20 {
        let said = socket.hear().await;
        match said["type"].as_str() {
            Some("complete") => answered += 1,
            Some("error") => {
                let code = &said["payload"][0]["extensions"]["code"];
                assert_eq!(code, "SERVICE_UNAVAILABLE");
                refused += 1;
            }
            _ => {}
        }
    }
    assert!(answered > 0 && refused > 0, "{answered} were answered");
}
