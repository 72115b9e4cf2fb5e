//! Serves everything but GraphQL: the start page, the schema, the public keys and the health
//! checks.

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

use super::{AppState, graphiql};
use crate::{config::PublishPeriod, db::Readiness, error::RETRY_AFTER_SECONDS};

/// Serves GraphiQL to browsers, and the API's paths as JSON to other clients.
pub(super) async fn start_page(State(app): State<Arc<AppState>>, headers: HeaderMap) -> Response {
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

/// Serves a file of GraphiQL's page.
pub(super) async fn graphiql_file(State(app): State<Arc<AppState>>, request: Request) -> Response {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    match graphiql::asset(name) {
        Some(file) if app.graphiql => file,
        _ => not_found().await.into_response(),
    }
}

/// Serves the schema in the schema definition language.
pub(super) async fn schema() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        crate::graphql::sdl(),
    )
}

/// Serves the public keys of access tokens (RFC 7517). A new key is published at least
/// [`PublishPeriod::MIN`] before it signs, so clients may cache the response for that time.
pub(super) async fn jwks(State(app): State<Arc<AppState>>) -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE, "application/jwk-set+json".to_owned()),
            (
                CACHE_CONTROL,
                format!("public, max-age={}", PublishPeriod::MIN.as_secs()),
            ),
        ],
        app.identity.tokens.jwks(app.clock.now()).await.to_string(),
    )
}

/// Responds to a method other than GET.
pub(super) async fn method_not_allowed() -> impl IntoResponse {
    let message = json!({ "status": "send GET; the API is at /graphql" });
    (StatusCode::METHOD_NOT_ALLOWED, Json(message))
}

/// Responds to an unknown path.
pub(super) async fn not_found() -> impl IntoResponse {
    let message = json!({ "status": "not found; the API is at /graphql" });
    (StatusCode::NOT_FOUND, Json(message))
}

/// Liveness check: the process runs.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "live" }))
}

/// Readiness check: the database responds and accepts writes.
pub(super) async fn ready(State(app): State<Arc<AppState>>) -> Response {
    let status = match app.database.readiness().await {
        Readiness::Ready => return Json(json!({ "status": "ready" })).into_response(),
        Readiness::ReadOnly => "the database is read-only: it is a standby or a demoted primary",
        Readiness::Away => "the database does not answer",
    };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(RETRY_AFTER, RETRY_AFTER_SECONDS.to_string())],
        Json(json!({ "status": status })),
    )
        .into_response()
}
