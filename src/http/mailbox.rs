//! The mailbox of development: the mails that a server with a mail server would have sent.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header::CONTENT_SECURITY_POLICY,
    response::{Html, IntoResponse, Response},
};
use minijinja::{Environment, context};

use super::{AppState, pages};

/// The page. Templates whose name ends in `.html` are escaped.
const PAGE: (&str, &str) = ("mailbox.html", include_str!("mailbox.html"));

/// Allows the page's style, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves the mails as a page, newest first.
pub(super) async fn page(State(app): State<Arc<AppState>>) -> Response {
    let Some(mailbox) = &app.mailbox else {
        return pages::not_found().await.into_response();
    };
    let mut environment = Environment::new();
    let rendered = environment.add_template(PAGE.0, PAGE.1).and_then(|()| {
        let page = environment.get_template(PAGE.0)?;
        page.render(context! { mails => mailbox.mails() })
    });
    let page = rendered.expect("the page is valid, as its test shows");
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response()
}

/// Serves the mails as JSON, newest first.
pub(super) async fn list(State(app): State<Arc<AppState>>) -> Response {
    match &app.mailbox {
        Some(mailbox) => Json(mailbox.mails()).into_response(),
        None => pages::not_found().await.into_response(),
    }
}
