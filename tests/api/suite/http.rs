//! HTTP endpoints: paths, methods, media types, headers and CORS.

use std::{fs, path::Path};

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use crate::harness::{Client, Reply, TestEnv, apply, each_database};

async fn call(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Body::from(body.to_owned());
    client.request(request.body(body).unwrap()).await
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[apply(each_database)]
async fn get_runs_queries_and_rejects_mutations(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let reply = anonymous.get("/graphql?query=%7B__typename%7D").await;
    assert_eq!(reply.body, json!({ "data": { "__typename": "Query" } }));
    let reply = anonymous
        .get("/graphql?query=mutation%7BsignOut%7BendedSessions%7D%7D")
        .await;
    assert_eq!((reply.status.as_u16(), reply.code()), (405, "BAD_REQUEST"));
    assert_eq!(reply.header("allow"), "POST");
}

#[apply(each_database)]
async fn other_methods_are_rejected_with_allow_header(env: TestEnv) {
    let app = env.app().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let reply = call(&app.anonymous(), method, "/graphql", &[JSON], "{}").await;
        assert_eq!((reply.status.as_u16(), reply.code()), (405, "BAD_REQUEST"));
        assert_eq!(reply.header("allow"), "GET, POST");
    }
}

#[apply(each_database)]
async fn content_types_without_preflight_are_rejected(env: TestEnv) {
    let app = env.app().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let headers = [("content-type", media_type)];
        let reply = call(&app.anonymous(), Method::POST, "/graphql", &headers, &body).await;
        assert_eq!(reply.status, 415, "{media_type}");
        assert_eq!(reply.code(), "BAD_REQUEST");
    }
    let headers = [("content-type", "Application/JSON; charset=utf-8")];
    let reply = call(&app.anonymous(), Method::POST, "/graphql", &headers, &body).await;
    assert_eq!(reply.status, 200);
}

#[apply(each_database)]
async fn malformed_requests_get_a_graphql_error(env: TestEnv) {
    let app = env.app().await;
    for body in [
        "",
        "{",
        "7",
        "\"{ __typename }\"",
        "{\"query\":7}",
        "{\"query\":null}",
        "{\"query\":\"\"}",
        "{}",
        "[]",
        "[\"{ __typename }\"]",
        "null",
        "{\"query\":\"{ __typename }\",\"query\":\"{ __typename }\"}",
        "{\"query\":\"{ __typename }\",\"variables\":[]}",
        "{\"query\":\"{ __typename }\",\"variables\":\"{}\"}",
        "{\"query\":\"{ __typename }\",\"operationName\":7}",
        "{\"query\":\"{ __typename }\",\"extensions\":\"x\"}",
        "{\"query\":\"{ __typename }\",\"extensions\":{\"persistedQuery\":1}}",
        "{\"query\":\"{ __typename }\",\"extensions\":{\"persistedQuery\":[1,\"ab\"]}}",
        "[{\"query\":\"{__typename}\"},{\"query\":\"{__typename}\"}]",
    ] {
        let reply = app.anonymous().post(body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (400, "BAD_REQUEST"),
            "{body}: {reply:?}"
        );
        assert_eq!(reply.body.get("data"), None);
    }
    let reply = app
        .anonymous()
        .post(format!("{{\"query\":\"{}\"}}", "x".repeat(300_000)))
        .await;
    assert_eq!((reply.status.as_u16(), reply.code()), (413, "BAD_REQUEST"));
}

#[apply(each_database)]
async fn invalid_documents_are_rejected_with_error_code(env: TestEnv) {
    let app = env.app().await;
    let graphql = ("accept", "application/graphql-response+json");
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        (
            "{ ...F } fragment F on Query { ...F }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{ ...Nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query A { __typename } query B { __typename }",
            "OPERATION_RESOLUTION_FAILURE",
        ),
    ] {
        let body = json!({ "query": query }).to_string();
        let reply = call(
            &app.anonymous(),
            Method::POST,
            "/graphql",
            &[JSON, graphql],
            &body,
        )
        .await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (400, code),
            "{query}: {reply:?}"
        );
        assert_eq!(
            reply.header("content-type"),
            "application/graphql-response+json; charset=utf-8"
        );
        assert_eq!(reply.body.get("data"), None);
        // Clients that accept only application/json treat any status but 200 as a network error.
        let reply = call(&app.anonymous(), Method::POST, "/graphql", &[JSON], &body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (200, code),
            "{query}: {reply:?}"
        );
    }
}

#[apply(each_database)]
async fn variable_out_of_range_is_bad_user_input(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let query = "query ($first: Int) { viewer { tasks(first: $first) { totalCount } } }";
    let reply = ana.send(query, json!({ "first": 2_147_483_648_i64 })).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{reply:?}");
}

#[apply(each_database)]
async fn response_fields_follow_query_order(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let query = "{ viewer { updatedAt tasks { totalCount pageInfo { endCursor } nodes { id } } id email } service { version } }";
    let body = Body::from(json!({ "query": query }).to_string());
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header(
            "authorization",
            format!("Bearer {}", ana.token.as_deref().unwrap()),
        )
        .body(body)
        .unwrap();
    let text = ana.request_text(request).await;
    let places = [
        "updatedAt",
        "totalCount",
        "pageInfo",
        "nodes",
        "\"id\"",
        "email",
        "service",
    ]
    .map(|key| {
        text.find(key)
            .unwrap_or_else(|| panic!("no {key} in {text}"))
    });
    assert!(places.is_sorted(), "{text}");
}

#[apply(each_database)]
async fn response_is_not_cacheable_and_has_request_id(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let one = ana.send("{ viewer { id } }", json!({})).await;
    let two = ana.send("{ viewer { id } }", json!({})).await;
    assert_eq!(one.header("cache-control"), "no-store");
    assert_eq!(one.header("x-content-type-options"), "nosniff");
    assert!(one.header("x-request-id").starts_with("request_"));
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

async fn preflight(client: &Client, origin: &str) -> Reply {
    preflight_with(client, origin, "authorization,content-type").await
}

async fn preflight_with(client: &Client, origin: &str, requested: &str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", requested),
    ];
    call(client, Method::OPTIONS, "/graphql", &headers, "").await
}

#[apply(each_database)]
async fn cors_allows_only_configured_origins(env: TestEnv) {
    let app = env.app().await;
    let reply = preflight(&app.anonymous(), "https://app.example.com").await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
    let app = env
        .fresh()
        .await
        .app_with(&[
            "--cors-origins",
            "https://app.example.com,http://localhost:5173",
        ])
        .await;
    for origin in ["https://app.example.com", "http://localhost:5173"] {
        let reply = preflight(&app.anonymous(), origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), origin);
        assert_eq!(
            reply.header("access-control-allow-headers"),
            "authorization,content-type"
        );
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
    }
    for origin in [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com.evil",
        "null",
    ] {
        let reply = preflight(&app.anonymous(), origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[apply(each_database)]
async fn listed_origin_may_send_any_header(env: TestEnv) {
    let app = env
        .app_with(&["--cors-origins", "https://app.example.com"])
        .await;
    let client = app.anonymous();
    for requested in [
        "apollographql-client-name,authorization,content-type",
        "baggage,sentry-trace,traceparent,tracestate",
        "x-anything-at-all",
    ] {
        let reply = preflight_with(&client, "https://app.example.com", requested).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("access-control-allow-headers"), requested);
        assert_eq!(reply.header("access-control-allow-methods"), "GET,POST");
        assert_eq!(reply.header("access-control-max-age"), "7200");
        assert_eq!(
            reply.header("vary"),
            "origin, access-control-request-method, access-control-request-headers"
        );
        let reply = preflight_with(&client, "https://evil.example", requested).await;
        assert_eq!(reply.status, 200);
        let mut names = reply.headers.keys().map(|name| name.as_str());
        assert!(
            !names.any(|name| name.starts_with("access-control-")),
            "{reply:?}"
        );
        assert!(reply.header("vary").starts_with("origin"));
    }
}

#[apply(each_database)]
async fn listed_origin_may_read_responses(env: TestEnv) {
    let app = env
        .app_with(&["--cors-origins", "https://app.example.com"])
        .await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for (origin, is_allowed) in [
        ("https://app.example.com", true),
        ("https://APP.example.com:443", true),
        ("https://evil.example", false),
    ] {
        let headers = [JSON, ("origin", origin)];
        let reply = call(&app.anonymous(), Method::POST, "/graphql", &headers, &body).await;
        assert_eq!(reply.status, 200);
        let vary = reply.headers.get_all("vary").iter();
        assert!(vary.into_iter().any(|value| value == "origin"), "{reply:?}");
        let (allowed, exposed) = if is_allowed {
            (origin, "x-request-id,retry-after,www-authenticate")
        } else {
            ("", "")
        };
        assert_eq!(reply.header("access-control-allow-origin"), allowed);
        assert_eq!(reply.header("access-control-expose-headers"), exposed);
        let credentials = reply.header("access-control-allow-credentials");
        assert_eq!(credentials, if is_allowed { "true" } else { "" });
    }
}

#[apply(each_database)]
async fn loopback_origins_are_allowed_in_development(env: TestEnv) {
    let app = env.app().await;
    let production = app.env.start(&["--mode", "production"]).await.unwrap();
    for origin in [
        "http://localhost:5173",
        "http://127.0.0.1:3000",
        "https://localhost",
        "http://[::1]:8080",
    ] {
        let reply = preflight(&app.anonymous(), origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), origin);
        let reply = preflight(&production.anonymous(), origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
    }
    for origin in ["http://localhost.evil.example", "http://192.168.1.5:5173"] {
        let reply = preflight(&app.anonymous(), origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[apply(each_database)]
async fn listed_origins_are_compared_as_urls(env: TestEnv) {
    let listed = "https://App.Example.com:443, https://münchen.example,http://[::ffff:192.0.2.1]";
    let app = env.app_with(&["--cors-origins", listed]).await;
    for origin in [
        "https://app.example.com",
        "https://xn--mnchen-3ya.example",
        "http://192.0.2.1",
        "http://[::ffff:c000:201]",
    ] {
        let reply = preflight(&app.anonymous(), origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), origin);
    }
    for origin in [
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.",
        "https://munchen.example",
    ] {
        let reply = preflight(&app.anonymous(), origin).await;
        assert_eq!(reply.header("access-control-allow-origin"), "", "{origin}");
    }
}

#[apply(each_database)]
async fn schema_health_and_start_page_are_served(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    assert_eq!(anonymous.get("/health/live").await.status, 200);
    assert_eq!(
        anonymous.get("/health/ready").await.body,
        json!({ "status": "ready" })
    );
    assert_eq!(
        anonymous.get("/graphql/schema.graphql").await.body,
        Value::String(cubby::sdl())
    );
    assert_eq!(anonymous.get("/").await.body["graphql"], "/graphql");
    let page = get_start_page(&anonymous).await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.body.as_str().unwrap().contains("graphiql"));
    assert_eq!(anonymous.get("/nowhere").await.status, 404);
}

/// Requests the start page as a browser does.
async fn get_start_page(client: &Client) -> Reply {
    let browser = [("accept", "text/html,application/xhtml+xml")];
    call(client, Method::GET, "/", &browser, "").await
}

/// Returns the text after each occurrence of `before`, up to the next quotation mark.
fn values_after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    let places = text.split(before).skip(1);
    places.filter_map(|place| place.split(['"', '\'']).next())
}

#[apply(each_database)]
async fn graphiql_page_has_strict_csp_with_fresh_nonce(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let page = get_start_page(&anonymous).await;
    let policy = page.header("content-security-policy");
    let nonce = values_after(policy, "'nonce-").next().expect("a nonce");
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; worker-src 'self'; \
             style-src-elem 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; \
             connect-src 'self'; img-src 'self' data:; font-src data:; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'"
        )
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert_eq!(page.header("x-content-type-options"), "nosniff");

    let html = page.body.as_str().unwrap();
    let named: Vec<&str> = values_after(html, "nonce=\"").collect();
    assert!(!named.is_empty() && named.iter().all(|it| *it == nonce));
    // The nonce has 128 bits and is new for each response.
    assert_eq!(nonce.len(), 24);
    let next = get_start_page(&anonymous).await;
    assert!(!next.body.as_str().unwrap().contains(nonce));
    assert!(!next.header("content-security-policy").contains(nonce));
}

#[apply(each_database)]
async fn graphiql_assets_are_immutable_or_verified_by_hash(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let page = get_start_page(&anonymous).await;
    let html = page.body.as_str().unwrap();
    let named: Vec<&str> = values_after(html, " src=\"")
        .chain(values_after(html, " href=\""))
        .filter(|address| !address.starts_with("data:"))
        .collect();
    if !Path::new("web/dist/index.html").exists() {
        let hashes = values_after(html, "integrity=\"sha384-").count();
        let crossorigin = values_after(html, "crossorigin=\"anonymous").count();
        let from_cdn = named.iter().filter(|it| it.starts_with("https:")).count();
        assert_eq!((from_cdn, hashes, crossorigin), (4, 4, 4), "{html}");
        return;
    }
    assert_eq!(named.len(), 2, "{html}");
    for address in named {
        let file = anonymous.get(address).await;
        assert_eq!(file.status, 200, "{address}");
        let media_type = if address.ends_with(".css") {
            "text/css; charset=utf-8"
        } else {
            "text/javascript; charset=utf-8"
        };
        assert_eq!(file.header("content-type"), media_type);
        assert_eq!(
            file.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(file.header("x-content-type-options"), "nosniff");
    }
}

#[apply(each_database)]
async fn unknown_graphiql_file_is_not_found(env: TestEnv) {
    let app = env.app().await;
    for unknown in [
        "index.html",
        "main.js",
        ".gitignore",
        "..%2Fpackage.json",
        "%ff",
        "",
    ] {
        let reply = app.anonymous().get(&format!("/graphiql/{unknown}")).await;
        assert_eq!(reply.status, 404, "{unknown}");
        assert!(reply.body["status"].is_string(), "{unknown}");
    }
}

#[apply(each_database)]
async fn production_hides_schema_and_graphiql_by_default(env: TestEnv) {
    let introspect = "{ __schema { queryType { name } } }";
    let app = env.app_with(&["--mode", "production"]).await;
    let reply = app.anonymous().send(introspect, json!({})).await;
    assert_eq!(reply.body["data"]["__schema"], Value::Null, "{reply:?}");
    let misspelt = app.anonymous().send("{ viewr { id } }", json!({})).await;
    assert!(
        !misspelt.body.to_string().contains("Did you mean"),
        "{misspelt:?}"
    );
    assert_eq!(
        get_start_page(&app.anonymous())
            .await
            .header("content-type"),
        "application/json"
    );
    for file in graphiql_files() {
        assert_eq!(app.anonymous().get(&file).await.status, 404, "{file}");
    }
    let app = env
        .fresh()
        .await
        .app_with(&[
            "--mode",
            "production",
            "--introspection",
            "on",
            "--graphiql",
            "on",
        ])
        .await;
    let data = app.anonymous().ask(introspect, json!({})).await;
    assert_eq!(data["__schema"]["queryType"]["name"], "Query");
    let page = get_start_page(&app.anonymous()).await;
    assert!(page.header("content-type").starts_with("text/html"));
    for file in graphiql_files() {
        assert_eq!(app.anonymous().get(&file).await.status, 200, "{file}");
    }
}

/// Returns the path of each file of the GraphiQL bundle, or none if GraphiQL is not built.
fn graphiql_files() -> Vec<String> {
    fs::read_dir("web/dist")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "index.html")
        .map(|name| format!("/graphiql/{name}"))
        .collect()
}

#[apply(each_database)]
async fn internal_error_exposes_only_the_request_id(env: TestEnv) {
    let app = env.app().await;
    let ana = app.sign_up("ana").await;
    let drop = "DROP TABLE tombstones";
    sea_orm::ConnectionTrait::execute_unprepared(&app.connect().await, drop)
        .await
        .unwrap();
    let id = ana.create_task("Buy milk").await;
    let delete = "mutation ($id: ID!) { deleteTask(input: { id: $id }) { deletedTaskId } }";
    let reply = ana.send(delete, json!({ "id": id })).await;
    assert_eq!(reply.code(), "INTERNAL_SERVER_ERROR");
    assert_eq!(reply.body["data"], json!({ "deleteTask": null }));
    let error = &reply.body["errors"][0];
    assert_eq!(
        error["extensions"]["requestId"],
        reply.header("x-request-id")
    );
    assert!(!reply.body.to_string().contains("tombstones"), "{reply:?}");
    // The transaction was rolled back, so the task is still there.
    assert_eq!(ana.titles().await, ["Buy milk"]);
}

#[apply(each_database)]
async fn unsupported_accept_header_gets_406(env: TestEnv) {
    let app = env.app().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for accept in ["text/html", "application/xml", "application/json;q=0"] {
        let reply = app.anonymous().post_accepting(accept, body.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (406, "BAD_REQUEST"));
    }
    for (accept, media_type) in [
        ("*/*", "application/json; charset=utf-8"),
        (
            "application/*",
            "application/graphql-response+json; charset=utf-8",
        ),
        (
            "application/json;q=0.9, application/graphql-response+json;q=0.8",
            "application/json; charset=utf-8",
        ),
    ] {
        let reply = app.anonymous().post_accepting(accept, body.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (200, media_type)
        );
        assert!(reply.header("vary").contains("accept"));
    }
}

#[apply(each_database)]
async fn get_request_is_parsed_from_query_parameters(env: TestEnv) {
    let app = env.app().await;
    let anonymous = app.anonymous();
    let two = "query=query%20A%7Ba:__typename%7D%20mutation%20B%7B__typename%7D";
    let reply = anonymous
        .get(&format!("/graphql?{two}&operationName=A"))
        .await;
    assert_eq!(reply.body, json!({ "data": { "a": "Query" } }));
    let reply = anonymous
        .get(&format!("/graphql?{two}&operationName=B"))
        .await;
    assert_eq!(reply.status, 405);
    let variables = "query=query(%24id:ID!)%7Bnode(id:%24id)%7Bid%7D%7D&variables=";
    let reply = anonymous
        .get(&format!("/graphql?{variables}%7B%22id%22:%22x%22%7D"))
        .await;
    assert_eq!(reply.body, json!({ "data": { "node": null } }));
    for wrong in [
        "",
        "?query=",
        "?query=%7Ba%7D&query=%7Ba%7D",
        "?query=%7Ba%7D&variables=%5B%5D",
    ] {
        let reply = anonymous.get(&format!("/graphql{wrong}")).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (400, "BAD_REQUEST"),
            "{wrong}"
        );
    }
}

#[apply(each_database)]
async fn every_response_has_security_headers(env: TestEnv) {
    let app = env.app().await;
    for path in [
        "/graphql?query=%7B__typename%7D",
        "/",
        "/nothing",
        "/health/ready",
        "/graphql/schema.graphql",
    ] {
        let reply = app.anonymous().get(path).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(reply.header(name), value, "{path}");
        }
        assert!(
            reply.header("x-request-id").starts_with("request_"),
            "{path}"
        );
    }
}

#[apply(each_database)]
async fn response_has_at_most_ten_errors(env: TestEnv) {
    let app = env.app().await;
    let fields: String = (0..15).map(|number| format!(" nope{number}")).collect();
    let reply = app
        .anonymous()
        .send(&format!("{{{fields} }}"), json!({}))
        .await;
    assert_eq!(reply.body["errors"].as_array().unwrap().len(), 10);
}
