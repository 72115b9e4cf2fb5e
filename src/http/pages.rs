//! Everything served that is not GraphQL: the start page, the schema, the keys, the health.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{App, graphiql};
use crate::{config::Lead, db::Readiness, error::RETRY_AFTER_SECONDS};

/// GraphiQL for a browser, and for anything else where to go.
pub(super) async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let is_browser = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if is_browser && app.graphiql {
        return graphiql::page();
    }
    Json(json!({
        "service": "cubby",
        "graphql": "/graphql",
        "schema": "/graphql/schema.graphql",
        "keys": "/.well-known/jwks.json",
    }))
    .into_response()
}

/// A file that GraphiQL's page loads.
pub(super) async fn graphiql_file(State(app): State<Arc<App>>, request: Request) -> Response {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    match graphiql::asset(name) {
        Some(file) if app.graphiql => file,
        _ => not_found().await.into_response(),
    }
}

/// The schema in the schema definition language.
pub(super) async fn schema() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        crate::graphql::sdl(),
    )
}

/// The public keys of access tokens (RFC 7517). They may be kept for as long as a new one is published
/// at least before it signs.
pub(super) async fn jwks(State(app): State<Arc<App>>) -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "application/jwk-set+json".to_owned()),
            (
                CACHE_CONTROL,
                format!("public, max-age={}", Lead::LEAST.as_secs()),
            ),
        ],
        app.identity.tokens.jwks(app.clock.now()).await.to_string(),
    )
}

/// What is here is only read.
pub(super) async fn method_not_allowed() -> impl IntoResponse {
    let message = json!({ "status": "send GET; the API is at /graphql" });
    (StatusCode::METHOD_NOT_ALLOWED, Json(message))
}

/// Nothing is at this path.
pub(super) async fn not_found() -> impl IntoResponse {
    let message = json!({ "status": "there is nothing here; the API is at /graphql" });
    (StatusCode::NOT_FOUND, Json(message))
}

/// The process runs.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// The process can do its work: the database answers, and takes writes.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    let status = match app.database.readiness().await {
        Readiness::Ready => return Json(json!({ "status": "ready" })).into_response(),
        Readiness::ReadOnly => "the database is read-only: it is a standby, or was a primary",
        Readiness::Away => "the database does not answer",
    };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(RETRY_AFTER, RETRY_AFTER_SECONDS.to_string())],
        Json(json!({ "status": status })),
    )
        .into_response()
}
