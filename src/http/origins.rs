//! Whose pages may do what only a page does: open a socket, and send cookies.

use std::net::IpAddr;

use axum::http::{
    HeaderMap, HeaderName, StatusCode,
    header::{HOST, ORIGIN},
};

use super::{App, answer::Answer};
use crate::{
    auth::{Authorization, Cookies},
    error::code,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether it is the origin of a page that Cubby serves, or that may call the API. A page of its own that
/// came without TLS is one that anybody on the way may have written, so it counts in development alone.
pub(super) fn lets_in(app: &App, origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_own = match origin.split_once("://") {
        Some(("https", authority)) => host == Some(authority),
        Some(("http", authority)) => app.is_development && host == Some(authority),
        _ => false,
    };
    is_own || app.origins.iter().any(|allowed| allowed.as_str() == origin)
}

/// The cookies of a request. A browser sends them whoever's page it is that asks, so they count only
/// where it says that the page may.
pub(super) fn cookies(
    app: &App,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<Cookies, Answer> {
    // A loopback connection in development has no TLS. What the Host header says does not matter.
    let is_loopback = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
    let is_plain = app.is_development && is_loopback;
    let cookies = Cookies::of(headers, is_plain);
    if cookies.is_empty() || is_of_a_page_let_in(app, headers) {
        return Ok(cookies);
    }
    if Authorization::from_headers(headers) != Authorization::Absent {
        return Ok(Cookies::none(is_plain));
    }
    let message = "A cookie counts only in a request from a page of this origin, or of one of \
                   CUBBY_CORS_ORIGINS: send Origin or Sec-Fetch-Site, as browsers do.";
    Err(Answer::refusal(
        StatusCode::FORBIDDEN,
        code::BAD_REQUEST,
        message,
    ))
}

fn is_of_a_page_let_in(app: &App, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(SEC_FETCH_SITE) == Some("same-origin")
        || text(ORIGIN).is_some_and(|origin| lets_in(app, origin, headers))
}
