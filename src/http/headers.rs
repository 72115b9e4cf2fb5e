//! Checks the head of every request, and adds security headers to every response.

use axum::{
    extract::Request,
    http::{
        HeaderName, HeaderValue, StatusCode, Version,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::Response,
};

use super::{AppState, graphql_response::GraphqlResponse, negotiate::Media};
use crate::{error::code, id::RequestId};

/// The maximum length of the path and query, in bytes.
const MAX_URI_BYTES: usize = 8 * 1024;

/// The maximum size of all header names and values together, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// The headers that a response has unless its handler sets others: the response is not cached, runs
/// no script as a page, sends no referrer, and is not embedded by pages of other origins.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Rejects a request with an invalid head, and completes the headers of the response.
pub(super) async fn check_and_complete(
    app: &AppState,
    request_id: RequestId,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let mut response = match head_error(&request) {
        Some((status, message)) => {
            let refused = GraphqlResponse::rejection(status, code::BAD_REQUEST, message);
            refused.write(Media::Json, request_id, &app.admission)
        }
        None => next(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in DEFAULT_HEADERS {
        headers.entry(name).or_insert(value);
    }
    response
}

fn head_error(request: &Request) -> Option<(StatusCode, &'static str)> {
    let count = |name| request.headers().get_all(name).iter().count();
    if count(HOST) > 1 || (count(HOST) == 0 && request.version() == Version::HTTP_11) {
        // RFC 9112 section 3.2.
        return Some((StatusCode::BAD_REQUEST, "Send one Host header."));
    }
    if count(ORIGIN) > 1 {
        return Some((StatusCode::BAD_REQUEST, "Send one Origin header."));
    }
    let uri = request.uri().path_and_query().map_or("", |it| it.as_str());
    if uri.len() > MAX_URI_BYTES {
        return Some((
            StatusCode::URI_TOO_LONG,
            "The URI exceeds 8 KiB. Send the request by POST.",
        ));
    }
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    (headers > MAX_HEADER_BYTES).then_some((
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers exceed 32 KiB together.",
    ))
}
