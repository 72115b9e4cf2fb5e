//! The HTTP transport: its routes, and the middleware around them.

mod admission;
mod client_ip;
mod connections;
mod cors;
pub(crate) mod graphiql;
mod graphql;
mod graphql_request;
mod graphql_response;
mod headers;
mod json;
mod mailbox;
pub(crate) mod metrics;
mod negotiate;
mod operation;
mod origins;
mod pages;
mod request_id;
mod streams;
#[cfg(test)]
mod tests;

pub(crate) use admission::Admission;
pub(crate) use client_ip::Proxies;
pub(crate) use connections::serve;
pub(crate) use origins::Origins;
pub(crate) use streams::Streams;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{Extensions, HeaderMap, HeaderName},
    middleware::{self, Next},
    response::Response,
    routing::{any, get},
};
use tokio_util::task::AbortOnDropHandle;
use tower_http::compression::{
    CompressionLayer,
    predicate::{DefaultPredicate, NotForContentType, Predicate},
};

use crate::{
    clock::Clock, db::Database, graphql::Schema, id::IdGenerator, identity::Identity,
    mail::DevMailbox, metrics::Metrics, query_limits::Documents,
};

/// The maximum size of a request's body, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The maximum time to receive the body of a request.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The header with a request's id, which is also in the log.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The state that all handlers share.
pub(crate) struct AppState {
    pub(crate) schema: Schema,
    pub(crate) documents: Documents,
    pub(crate) streams: Streams,
    pub(crate) admission: Admission,
    pub(crate) origins: Origins,
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    pub(crate) database: Database,
    pub(crate) ids: IdGenerator,
    pub(crate) proxies: Proxies,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) graphiql: bool,
    /// The mailbox of development; `None` if mails are sent, or in production.
    pub(crate) mailbox: Option<DevMailbox>,
    /// The task that runs jobs; `None` if the server sends no mail.
    pub(crate) _worker: Option<AbortOnDropHandle<()>>,
    pub(crate) is_development: bool,
}

/// Returns all routes.
pub(crate) fn router(app: Arc<AppState>) -> Router {
    Router::new()
        .route("/", get(pages::start_page))
        .route("/graphql", any(graphql::serve))
        .route("/graphiql/{name}", get(pages::graphiql_file))
        .route("/graphql/schema.graphql", get(pages::schema))
        .route("/.well-known/jwks.json", get(pages::jwks))
        .route("/dev/mailbox", get(mailbox::page))
        .route("/dev/mailbox.json", get(mailbox::list))
        .route("/health/live", get(pages::live))
        .route("/health/ready", get(pages::ready))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        .layer(compression())
        .layer(middleware::from_fn_with_state(Arc::clone(&app), around))
        .with_state(app)
}

/// Runs the middleware in one layer: the router clones each layer for each request.
async fn around(State(app): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let app = &*app;
    request_id::assign_request_id(app, request, async |request, id| {
        headers::check_and_complete(app, id, request, async |request| {
            cors::allow_origin(app, request, async |request| next.run(request).await).await
        })
        .await
    })
    .await
}

/// Compresses responses that benefit from it, except streams, whose parts must not be delayed, and
/// responses with a token: if part of a compressed response is chosen by an attacker, its length
/// reveals the token (the BREACH attack).
fn compression() -> CompressionLayer<impl Predicate> {
    let has_no_token = |_, _, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<graphql_response::HoldsToken>().is_none()
    };
    let predicate = DefaultPredicate::new()
        .and(NotForContentType::const_new("multipart/mixed"))
        .and(has_no_token);
    CompressionLayer::new().compress_when(predicate)
}
