//! What every request's head is held to, and what every answer's head says.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode, Version,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::Next,
    response::Response,
};

use super::{App, graphql_response::Answer, negotiate::Media};
use crate::{error::code, id::RequestId};

/// The longest path and query, in bytes.
const MAX_URI: usize = 8 * 1024;

/// The most that the names and values of all headers take together, in bytes.
const MAX_HEADERS: usize = 32 * 1024;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// What an answer says unless its handler says otherwise: that it is no page, that it runs nothing,
/// that nobody keeps it, and that no other origin's page may show it.
const DEFAULTS: [(HeaderName, HeaderValue); 5] = [
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

pub(super) async fn check_and_complete(
    State(app): State<Arc<App>>,
    Extension(request_id): Extension<RequestId>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match refused(&request) {
        Some((status, message)) => {
            let refused = Answer::refusal(status, code::BAD_REQUEST, message);
            refused.write(Media::Json, request_id, &app.bounds)
        }
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
    response
}

fn refused(request: &Request) -> Option<(StatusCode, &'static str)> {
    let count = |name| request.headers().get_all(name).iter().count();
    if count(HOST) > 1 || (count(HOST) == 0 && request.version() == Version::HTTP_11) {
        // RFC 9112 section 3.2.
        return Some((StatusCode::BAD_REQUEST, "Send one Host header."));
    }
    if count(ORIGIN) > 1 {
        return Some((StatusCode::BAD_REQUEST, "Send one Origin header."));
    }
    let uri = request.uri().path_and_query().map_or("", |it| it.as_str());
    if uri.len() > MAX_URI {
        return Some((
            StatusCode::URI_TOO_LONG,
            "A URI has at most 8 KiB. Send the request by POST.",
        ));
    }
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    (headers > MAX_HEADERS).then_some((
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers have at most 32 KiB together.",
    ))
}
