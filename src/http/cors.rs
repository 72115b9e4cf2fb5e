//! Implements CORS (Fetch Standard): which pages of other origins may read responses.

use axum::{
    extract::Request,
    http::{
        HeaderValue, Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ORIGIN, VARY,
        },
    },
    response::{IntoResponse, Response},
};

use super::AppState;

/// The time for which a browser may cache the response to a preflight request, in seconds.
const MAX_AGE_SECONDS: HeaderValue = HeaderValue::from_static("7200");

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET,POST");

const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("x-request-id,retry-after,www-authenticate");

const PREFLIGHT_VARY: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);

/// Responds to preflight requests, and lets pages of allowed origins read other responses.
///
/// All request headers are allowed: tracing tools and client libraries send their own, and none
/// grants more here than `Authorization`.
pub(super) async fn allow_origin(
    app: &AppState,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let headers = request.headers();
    let asked_for = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let origin = headers.get(ORIGIN).cloned();
    let origin = origin.filter(|_| app.origins.is_allowed(headers));
    let mut response = if is_preflight {
        ().into_response()
    } else {
        next(request).await
    };
    let headers = response.headers_mut();
    let vary = if is_preflight {
        PREFLIGHT_VARY
    } else {
        HeaderValue::from_name(ORIGIN)
    };
    headers.append(VARY, vary);
    let Some(origin) = origin else {
        return response;
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    if !is_preflight {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
        return response;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS);
    if let Some(asked_for) = asked_for {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked_for);
    }
    response
}
