//! Decides which origins' pages may read responses, open a socket and send cookies.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{
    HeaderMap, HeaderName, StatusCode,
    header::{HOST, ORIGIN},
};
use tokio::time::Instant;

use super::{AppState, graphql_response::GraphqlResponse};
use crate::{
    config::{Origin, Scheme},
    error::code,
    identity::{Authorization, Cookies},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The maximum number of rejected origins that are logged in a period, since clients can send any
/// number of origins.
const MAX_LOGGED_ORIGINS: usize = 8;

/// The period in which an origin is logged once.
const LOG_PERIOD: Duration = Duration::from_mins(10);

/// The maximum length of a logged origin, in bytes.
const MAX_LOGGED_BYTES: usize = 200;

/// The origins whose pages may use the API.
pub(crate) struct Origins {
    listed: Vec<Origin>,
    is_development: bool,
    logged: Mutex<LoggedOrigins>,
}

/// The rejected origins that were logged in the current period.
struct LoggedOrigins {
    since: Instant,
    origins: Vec<String>,
}

impl Origins {
    pub(crate) fn new(listed: &[Origin], is_development: bool) -> Self {
        Self {
            listed: listed.to_vec(),
            is_development,
            logged: Mutex::new(LoggedOrigins::none(Instant::now())),
        }
    }

    /// True if the request has an `Origin` whose pages may use the API. Logs rejected origins.
    pub(super) fn is_allowed(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else {
            return false;
        };
        let origin = origin.to_str().unwrap_or("(not ASCII)");
        let host = text(headers, HOST);
        let is_allowed = Origin::parse(origin).is_some_and(|origin| self.includes(&origin, host));
        if !is_allowed && !is_same_origin(headers) {
            self.log_rejected(origin);
        }
        is_allowed
    }

    /// Without TLS, an attacker on the network can modify Cubby's own pages, so they are allowed
    /// only in development. Development also allows pages of the developer's own machine.
    fn includes(&self, origin: &Origin, host: Option<&str>) -> bool {
        let may_be_own = origin.scheme() == Scheme::Https || self.is_development;
        let own = host.and_then(|host| Origin::of_host(origin.scheme(), host));
        (may_be_own && own.as_ref() == Some(origin))
            || (self.is_development && origin.is_loopback())
            || self.listed.contains(origin)
    }

    fn log_rejected(&self, origin: &str) {
        let origin = &origin[..origin.floor_char_boundary(MAX_LOGGED_BYTES)];
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_first(origin, Instant::now()) {
            tracing::warn!(
                origin,
                "a page of this origin was rejected: add the origin to CUBBY_CORS_ORIGINS if its pages may \
                 use the API"
            );
        }
    }
}

impl LoggedOrigins {
    fn none(since: Instant) -> Self {
        Self {
            since,
            origins: Vec::new(),
        }
    }

    /// True for an origin that was not yet logged in this period, until the maximum number is
    /// reached.
    fn is_first(&mut self, origin: &str, now: Instant) -> bool {
        if now.duration_since(self.since) >= LOG_PERIOD {
            *self = Self::none(now);
        }
        let is_first = self.origins.len() < MAX_LOGGED_ORIGINS
            && !self.origins.iter().any(|logged| logged == origin);
        if is_first {
            self.origins.push(origin.to_owned());
        }
        is_first
    }
}

/// Returns the cookies of a request. A browser sends cookies with requests of any page, so they are
/// accepted only if the request names an allowed page.
pub(super) fn cookies(
    app: &AppState,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Result<Cookies, GraphqlResponse> {
    // In development a loopback connection has no TLS. The client can forge the `Host` header, so
    // only the connection counts.
    let is_loopback = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
    let is_plain = app.is_development && is_loopback;
    let cookies = Cookies::of(headers, is_plain);
    if cookies.is_empty() || is_same_origin(headers) || app.origins.is_allowed(headers) {
        return Ok(cookies);
    }
    if Authorization::from_headers(headers) != Authorization::Absent {
        return Ok(Cookies::none(is_plain));
    }
    let message = "Cookies are accepted only from pages of this origin or of CUBBY_CORS_ORIGINS. Send \
                   Origin or Sec-Fetch-Site, as browsers do.";
    Err(GraphqlResponse::rejection(
        StatusCode::FORBIDDEN,
        code::BAD_REQUEST,
        message,
    ))
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    text(headers, SEC_FETCH_SITE) == Some("same-origin")
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(is_development: bool, origin: &str, host: &str) -> bool {
        let listed = ["https://app.example.com".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        Origins::new(&listed, is_development).is_allowed(&headers)
    }

    #[test]
    fn own_and_listed_origins_are_allowed() {
        for (origin, host) in [
            ("https://cubby.example", "cubby.example"),
            ("https://cubby.example", "CUBBY.example:443"),
            ("https://cubby.example:8443", "cubby.example:8443"),
            ("https://xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
            ("https://[::ffff:7f00:1]:8000", "[::ffff:127.0.0.1]:8000"),
            ("https://app.example.com", "cubby.example"),
            ("https://app.example.com:443", "cubby.example"),
        ] {
            assert!(allows(false, origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://cubby.example", "cubby.example:80"),
            ("https://cubby.example", "evil.example"),
            ("http://cubby.example", "cubby.example"),
            ("http://app.example.com", "cubby.example"),
            ("http://localhost:5173", "cubby.example"),
            ("null", "null"),
        ] {
            assert!(!allows(false, origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn development_allows_own_http_and_loopback() {
        for origin in [
            "http://cubby.example",
            "http://localhost:5173",
            "https://127.0.0.1:3000",
            "http://[::1]",
        ] {
            assert!(allows(true, origin, "cubby.example"), "{origin}");
        }
        assert!(!allows(true, "http://evil.example", "cubby.example"));
    }

    #[test]
    fn rejected_origins_are_logged_once_and_8_per_period() {
        let begun = Instant::now();
        let mut logged = LoggedOrigins::none(begun);
        assert!(logged.is_first("https://a.example", begun));
        assert!(!logged.is_first("https://a.example", begun));
        let others = (0..100).filter(|number| logged.is_first(&number.to_string(), begun));
        assert_eq!(others.count(), MAX_LOGGED_ORIGINS - 1);
        assert!(logged.is_first("https://a.example", begun + LOG_PERIOD));
    }

    #[test]
    fn log_of_rejected_origin_names_the_setting() {
        let mut written = tempfile::NamedTempFile::new().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(written.reopen().unwrap());
        tracing::subscriber::with_default(subscriber.finish(), || {
            allows(true, "https://a.example", "cubby");
        });
        let mut log = String::new();
        std::io::Read::read_to_string(&mut written, &mut log).unwrap();
        assert!(
            log.contains("https://a.example") && log.contains("CUBBY_CORS_ORIGINS"),
            "{log}"
        );
    }
}
