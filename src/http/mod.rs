//! The transport: routes, and what every answer carries.

mod answer;
pub(crate) mod graphiql;
mod graphql;
mod pages;
mod request_id;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
    middleware,
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    limit::RequestBodyLimitLayer,
};

use crate::{auth::IdentityProvider, config::Origin, db::Database, id::Ids, schema::Schema};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// How long a browser may remember what it was told about another origin.
const CORS_MAX_AGE: Duration = Duration::from_hours(2);

/// The header that names a request, in its answer and in the log.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the handlers work with.
pub(crate) struct App {
    pub(crate) schema: Schema,
    pub(crate) provider: Arc<IdentityProvider>,
    pub(crate) database: Database,
    pub(crate) ids: Ids,
    pub(crate) graphiql: bool,
}

/// Every route there is.
pub(crate) fn router(app: Arc<App>, origins: &[Origin]) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/graphiql/{name}", get(graphiql::asset))
        .route(
            "/graphql",
            get(graphql::serve)
                .post(graphql::serve)
                .fallback(graphql::method_not_allowed),
        )
        .route("/graphql/schema.graphql", get(pages::schema))
        .route("/.well-known/jwks.json", get(pages::jwks))
        .route("/health/live", get(pages::live))
        .route("/health/ready", get(pages::ready))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(cors(origins))
        .layer(CatchPanicLayer::custom(graphql::panicked))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            request_id::name_request,
        ))
        .with_state(app)
}

fn cors(origins: &[Origin]) -> CorsLayer {
    let origins = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin.as_str()).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([X_REQUEST_ID, header::RETRY_AFTER, header::WWW_AUTHENTICATE])
        .max_age(CORS_MAX_AGE)
}
