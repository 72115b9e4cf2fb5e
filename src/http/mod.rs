//! The transport: routes, and what every answer carries.

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
pub(crate) mod metrics;
mod negotiate;
mod operation;
mod origins;
mod pages;
mod request_id;
mod streams;
#[cfg(test)]
mod tests;

pub(crate) use admission::Bounds;
pub(crate) use client_ip::Proxies;
pub(crate) use connections::serve;
pub(crate) use origins::Origins;
pub(crate) use streams::Streams;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Extensions, HeaderMap, HeaderName},
    middleware,
    routing::{any, get},
};
use tower_http::compression::{
    CompressionLayer,
    predicate::{DefaultPredicate, NotForContentType, Predicate},
};

use crate::{
    clock::Clock, db::Database, graphql::Schema, id::Ids, identity::Identity, metrics::Metrics,
    query_limits::Documents,
};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// How long the body of a request may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The header that names a request, in its answer and in the log.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers work with.
pub(crate) struct App {
    pub(crate) schema: Schema,
    pub(crate) documents: Documents,
    pub(crate) streams: Streams,
    pub(crate) bounds: Bounds,
    pub(crate) origins: Origins,
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    pub(crate) database: Database,
    pub(crate) ids: Ids,
    pub(crate) proxies: Proxies,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) graphiql: bool,
    pub(crate) is_development: bool,
}

/// Every route there is.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/graphql", any(graphql::serve))
        .route("/graphiql/{name}", get(pages::graphiql_file))
        .route("/graphql/schema.graphql", get(pages::schema))
        .route("/.well-known/jwks.json", get(pages::jwks))
        .route("/health/live", get(pages::live))
        .route("/health/ready", get(pages::ready))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        .layer(compression())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            cors::allow_origin,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            headers::check_and_complete,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            request_id::name_request,
        ))
        .with_state(app)
}

/// Of what is worth it: not of streams, which must not wait, and not of answers that hold a token,
/// whose length would tell of it beside what somebody else chose (the BREACH attack).
fn compression() -> CompressionLayer<impl Predicate> {
    let is_for_anybody = |_, _, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<graphql_response::HoldsToken>().is_none()
    };
    let predicate = DefaultPredicate::new()
        .and(NotForContentType::const_new("multipart/mixed"))
        .and(is_for_anybody);
    CompressionLayer::new().compress_when(predicate)
}
