//! Assigns an id to each request, for its response and every line that it logs.

use std::panic::AssertUnwindSafe;

use axum::{extract::Request, http::HeaderValue, response::Response};
use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::{AppState, X_REQUEST_ID, graphql_response::GraphqlResponse, negotiate::Media};
use crate::{
    error::{Error, Panicked},
    id::RequestId,
};

/// Assigns an id to the request, and logs and measures its end.
pub(super) async fn assign_request_id(
    app: &AppState,
    mut request: Request,
    next: impl AsyncFnOnce(Request, RequestId) -> Response,
) -> Response {
    let id = RequestId::new(&app.ids, app.clock.now());
    request.extensions_mut().insert(id);
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = %request.method(),
        // The query string is not logged: a GET may contain the user's data.
        http.path = request.uri().path(),
    );
    async {
        let begun = Instant::now();
        let running = AssertUnwindSafe(next(request, id)).catch_unwind();
        let mut response = running.await.unwrap_or_else(|panic| {
            let panicked = Error::internal(Panicked::with(panic.as_ref()));
            GraphqlResponse::from_error(panicked).write(Media::Json, id, &app.admission)
        });
        let (status, duration) = (response.status().as_u16(), begun.elapsed());
        app.metrics.record_request(status, duration);
        tracing::info!(
            http.status = status,
            duration_ms = duration.as_secs_f64() * 1000.0,
            "request completed"
        );
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}
