//! A name for each request: in its answer, and on every line that it logs.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::Instrument;

use super::{App, X_REQUEST_ID, graphql_response::Answer, negotiate::Media};
use crate::{
    error::{Error, Panicked},
    id::RequestId,
};

/// Names the request, and logs and measures its end.
pub(super) async fn name_request(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::new(&app.ids, app.clock.now());
    request.extensions_mut().insert(id);
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = %request.method(),
        // Not its query: a GET may carry what a person wrote.
        http.path = request.uri().path(),
    );
    async {
        let begun = Instant::now();
        let running = AssertUnwindSafe(next.run(request)).catch_unwind();
        let mut response = running.await.unwrap_or_else(|panic| {
            let panicked = Error::internal(Panicked::with(panic.as_ref()));
            Answer::of(panicked).write(Media::Json, id, &app.bounds)
        });
        let (status, duration) = (response.status().as_u16(), begun.elapsed());
        app.metrics.answered(status, duration);
        tracing::info!(
            http.status = status,
            duration_ms = duration.as_secs_f64() * 1000.0,
            "answered"
        );
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}
