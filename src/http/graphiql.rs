//! GraphiQL: its page, the files that the page loads, and what a browser lets them do.

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

/// What was in `web/dist` when this was compiled. build.rs writes the list.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/graphiql.rs"));

/// The page among them.
const PAGE: &str = "index.html";

/// The page of a binary that was compiled without them: it loads an older GraphiQL, the last that needs no build, from
/// a public CDN. Until that has loaded, the page says what to do if the CDN cannot be reached.
const PAGE_FROM_CDN: &str = include_str!("graphiql_from_cdn.html");

/// What a page says where its nonce belongs.
const NONCE: &str = "{nonce}";

const CROSS_ORIGIN_OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// True if GraphiQL is part of this binary.
pub(super) fn is_bundled() -> bool {
    file(PAGE).is_some()
}

/// Logs that GraphiQL comes from a CDN, and how to bundle it, unless it is bundled.
pub(crate) fn log_source() {
    if !is_bundled() {
        tracing::info!(
            "GraphiQL is not in this binary, so a browser is sent to a public CDN for it; \
             `npm --prefix web ci && npm --prefix web run build`, then build again, puts it in"
        );
    }
}

/// The page, under a policy that runs nothing but what it names.
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
        Html(template.replace(NONCE, &nonce)),
    )
        .into_response()
}

/// A file that the page loads. Another content has another name, so it may be kept.
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

/// The page's Content Security Policy. Scripts and style sheets are run for the nonce alone, so that
/// no address that Cubby answers can be made one. Monaco writes `style` attributes into markup, and
/// an attribute has no nonce.
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

/// What nobody can guess, for one answer.
fn nonce() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system has randomness");
    STANDARD.encode(bytes)
}
