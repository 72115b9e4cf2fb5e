//! Compares the transport with async-graphql's own integration, and tests the page of a binary
//! without GraphiQL.

use std::{path::Path, sync::Arc};

use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Request, header},
    routing::get,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    clock::Clock,
    config::Config,
    http::{AppState, graphiql, graphql_request::GraphqlRequest, operation},
    id::RequestId,
    identity::{Authorization, Cookies, Device, HashCost, RequestContext},
    server::Server,
};

async fn bundled(
    State(app): State<Arc<AppState>>,
    headers: HeaderMap,
    request: GraphQLRequest,
) -> GraphQLResponse {
    let request = request.into_inner().data(context(&app, &headers).await);
    app.schema.execute(request).await.into()
}

async fn context(app: &AppState, headers: &HeaderMap) -> RequestContext {
    let cookies = Cookies::none(false);
    let authorization = Authorization::from_headers(headers);
    let credentials = app
        .identity
        .authenticator
        .authenticate(authorization, &cookies)
        .await;
    RequestContext::new(credentials.unwrap(), Device::default(), Arc::new(cookies))
}

async fn server(directory: &Path) -> Server {
    let path = directory.to_str().unwrap();
    let config = Config::of(&["--data-dir", path, "--secret", &"s".repeat(32)]).unwrap();
    Server::open(&config, Clock::system(), HashCost::production())
        .await
        .unwrap()
}

async fn send(router: &Router, mut request: Request<Body>) -> Bytes {
    let host = HeaderValue::from_static("cubby");
    request.headers_mut().insert(header::HOST, host);
    let response = router.clone().oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn ask(router: &Router, request: Request<Body>) -> Value {
    serde_json::from_slice(&send(router, request).await).unwrap()
}

fn post(token: Option<&str>, body: &Value) -> Request<Body> {
    let mut request =
        Request::post("/graphql").header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn response_data_equals_that_of_async_graphql_axum() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let ours = server.router();
    let theirs = Router::new()
        .route("/graphql", get(bundled).post(bundled))
        .with_state(Arc::clone(server.app()));

    let sign_up = json!({ "query": "mutation { signUp(input: {
        email: \"a@b.c\", password: \"correct horse\" }) { tokens { accessToken } } }" });
    let signed_up = ask(&ours, post(None, &sign_up)).await;
    let token = &signed_up["data"]["signUp"]["tokens"]["accessToken"];
    let token = token.as_str().unwrap();
    for title in ["one", "two", "three"] {
        let create = "mutation ($title: String!) { createTask(input: { title: $title }) {
            task { title } } }";
        let body = json!({ "query": create, "variables": { "title": title } });
        ask(&ours, post(Some(token), &body)).await;
    }

    let page = "query Page($first: Int = 2, $with: Boolean!) { viewer {
        ...Who tasks(first: $first) { totalCount edges { cursor node { ...T } } } } __typename }
        fragment Who on User { email z: timeZone a: name }
        fragment T on Task { title @include(if: $with) id ... @skip(if: $with) { priority } }";
    let many = "query A { a: __typename service { version } } query B { viewer { email } }";
    for body in [
        json!({ "query": "{ service { version limits { maxPageSize } } viewer { email } }" }),
        json!({ "query": page, "variables": { "with": true } }),
        json!({ "query": page, "variables": { "first": 3, "with": false }, "operationName": null }),
        json!({ "query": many, "operationName": "A", "extensions": {} }),
        json!({ "query": many, "operationName": "B", "variables": null }),
        json!({ "query": "{ nodes(ids: [\"x\", \"y\"]) { id } node(id: \"z\") { id } }" }),
        json!({ "query": "{ __schema { queryType { name } types { name kind } } }" }),
        json!({ "query": "mutation { updateProfile(input: { name: \"A\" }) { user { name } } }" }),
        json!({ "query": "{ viewer { tasks(first: 0) { nodes { id } } } }" }),
        json!({ "query": "mutation { createTask(input: { title: \"\" }) {
            task { id } userErrors { code path message } } }" }),
    ] {
        for token in [Some(token), None] {
            let ours = ask(&ours, post(token, &body)).await;
            let theirs = ask(&theirs, post(token, &body)).await;
            assert_eq!(ours.get("data"), theirs.get("data"), "{body}");
            let has_errors = |answer: &Value| answer.get("errors").is_some();
            assert_eq!(has_errors(&ours), has_errors(&theirs), "{body}");
        }
    }
    let uri = "/graphql?query=query(%24n:Int)%7Bservice%7Bversion%7D%20node(id:%22x%22)%7Bid%7D%20\
               viewer%7Btasks(first:%24n)%7BtotalCount%7D%7D%7D&variables=%7B%22n%22:1%7D";
    let get = || Request::get(uri).body(Body::empty()).unwrap();
    assert_eq!(
        ask(&ours, get()).await["data"],
        ask(&theirs, get()).await["data"]
    );
}

#[tokio::test]
async fn objects_write_json_unless_the_engine_merges_fields() {
    let directory = tempfile::tempdir().unwrap();
    let server = server(directory.path()).await;
    let (app, router) = (server.app(), server.router());
    let sign_up = json!({ "query": "mutation { signUp(input: {
        email: \"a@b.c\", password: \"correct horse\" }) { tokens { accessToken } } }" });
    let signed_up = ask(&router, post(None, &sign_up)).await;
    let token = &signed_up["data"]["signUp"]["tokens"]["accessToken"];
    let request = post(token.as_str(), &Value::Null);
    for (query, field, expected) in [
        (
            "{ viewer { tasks { edges { cursor node { id due { at } } } } } }",
            "tasks",
            true,
        ),
        (
            "{ viewer { sessions { nodes { id } } } viewer { id } }",
            "sessions",
            false,
        ),
        ("{ viewer { sessions { nodes { id } } } }", "sessions", true),
        (
            "{ viewer { accessTokens { totalCount } } }",
            "accessTokens",
            true,
        ),
        (
            "{ viewer { securityEvents { nodes { kind } } } }",
            "securityEvents",
            true,
        ),
    ] {
        let params = GraphqlRequest::from_value(json!({ "query": query })).unwrap();
        let document = operation::document(app, &params).ok().unwrap();
        let prepared = operation::prepare(app, document, params).ok().unwrap();
        let answer = operation::run(app, prepared, context(app, request.headers()).await).await;
        let response = answer.into_response(RequestId::new(&app.ids, app.clock.now()));
        let async_graphql::Value::Object(data) = &response.data else {
            panic!("{response:?}");
        };
        let async_graphql::Value::Object(viewer) = &data["viewer"] else {
            panic!("{data:?}");
        };
        let is_json = matches!(viewer[field], async_graphql::Value::Binary(_));
        assert_eq!(is_json, expected, "{query}");
    }
}

#[tokio::test]
async fn unbundled_page_explains_how_to_bundle_graphiql() {
    if graphiql::is_bundled() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let router = server(directory.path()).await.router();
    let request = Request::get("/").header(header::ACCEPT, "text/html");
    let page = send(&router, request.body(Body::empty()).unwrap()).await;
    let page = std::str::from_utf8(&page).unwrap();
    for text in [
        "Loading GraphiQL from cdn.jsdelivr.net",
        "GraphiQL could not be loaded from cdn.jsdelivr.net",
        "npm --prefix web run build",
        "<a href=\"/graphql/schema.graphql\">",
    ] {
        assert!(page.contains(text), "{text}");
    }
}
