//! Serves GraphiQL: its page, the files of the page, and their Content Security Policy.

use std::borrow::Cow;

use aws_lc_rs::rand;
use axum::{
    http::{
        HeaderName,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// A file's name, media type and content.
type File = (&'static str, &'static str, &'static [u8]);

/// The files in `web/dist` at compile time; build.rs generates the list.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/graphiql.rs"));

/// The name of the page among the files.
const PAGE: &str = "index.html";

/// The page for a binary without bundled GraphiQL. It loads an older version, the last one that
/// needs no build, from a public CDN. Until that has loaded, the page explains what to do if the
/// CDN cannot be reached.
const PAGE_FROM_CDN: &str = include_str!("graphiql_from_cdn.html");

/// The placeholder of the nonce in a page.
const NONCE_PLACEHOLDER: &str = "{nonce}";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// True if GraphiQL is bundled into this binary.
pub(super) fn is_bundled() -> bool {
    file(PAGE).is_some()
}

/// Logs how to bundle GraphiQL if it comes from a CDN.
pub(crate) fn log_source() {
    if !is_bundled() {
        tracing::info!(
            "GraphiQL is not bundled, so browsers load it from a public CDN; to bundle it, run \
             `npm --prefix web ci && npm --prefix web run build`, and build Cubby again"
        );
    }
}

/// Returns the page, with a policy that allows only the page's own scripts and style sheets.
pub(super) fn page() -> Response {
    let template = file(PAGE).map_or(Cow::Borrowed(PAGE_FROM_CDN), |(_, _, content)| {
        String::from_utf8_lossy(content)
    });
    let nonce = nonce();
    (
        [
            (CACHE_CONTROL, "no-store"),
            (CONTENT_SECURITY_POLICY, &policy(&nonce)),
            (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        Html(template.replace(NONCE_PLACEHOLDER, &nonce)),
    )
        .into_response()
}

/// Returns a file that the page loads. Browsers may cache it forever, because its name changes with
/// its content.
pub(super) fn asset(name: &str) -> Option<Response> {
    let (_, media_type, content) = file(name).filter(|_| name != PAGE)?;
    let headers = [
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (CONTENT_TYPE, media_type),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((headers, content).into_response())
}

fn file(name: &str) -> Option<File> {
    FILES.iter().copied().find(|(listed, ..)| *listed == name)
}

/// Returns the Content Security Policy of the page. Scripts and style sheets run only with the
/// nonce, not by their address, so that no other response of Cubby can be loaded as a script.
/// Inline `style` attributes are allowed, because Monaco generates them and an attribute cannot
/// have a nonce.
fn policy(nonce: &str) -> String {
    [
        "default-src 'none'",
        &format!("script-src 'nonce-{nonce}'"),
        "worker-src 'self'",
        &format!("style-src-elem 'nonce-{nonce}'"),
        "style-src-attr 'unsafe-inline'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    .join("; ")
}

/// Returns an unpredictable value for one response.
fn nonce() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system provides random bytes");
    STANDARD.encode(bytes)
}
