//! The answer to a GraphQL request: its status, its headers, and what errors look like.

use async_graphql::{ServerError, Value};
use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
            X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};

use crate::{
    error::{Error, RETRY_AFTER_SECONDS, code},
    id::RequestId,
};

/// A GraphQL response and the status that it is sent with.
pub(super) struct Answer {
    status: StatusCode,
    response: async_graphql::Response,
    /// The methods that would have been allowed, when this one was not.
    allow: Option<&'static str>,
}

impl Answer {
    pub(super) fn method_not_allowed(allow: &'static str, message: &str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::refusal(StatusCode::METHOD_NOT_ALLOWED, code::BAD_REQUEST, message)
        }
    }

    /// One error, and nothing was run.
    pub(super) fn refusal(status: StatusCode, code: &str, message: &str) -> Self {
        let mut error = ServerError::new(message, None);
        set_code(&mut error, code);
        Self {
            status,
            response: async_graphql::Response::from_errors(vec![error]),
            allow: None,
        }
    }

    /// The document could not be parsed.
    pub(super) fn unparsed(mut error: ServerError) -> Self {
        set_code(&mut error, "GRAPHQL_PARSE_FAILED");
        Self {
            status: StatusCode::BAD_REQUEST,
            response: async_graphql::Response::from_errors(vec![error]),
            allow: None,
        }
    }

    /// The error that kept the request from being run.
    pub(super) fn of(error: Error) -> Self {
        let mut error = async_graphql::Error::from(error).into_server_error(Default::default());
        error.locations.clear();
        Self::executed(async_graphql::Response::from_errors(vec![error]))
    }

    /// What the engine answered. Some codes have a status of their own whatever was asked for.
    pub(super) fn executed(mut response: async_graphql::Response) -> Self {
        for error in &mut response.errors {
            if code_of(error).is_none() {
                // The engine's own errors: of the document, or of a value in one place of it.
                let code = if error.path.is_empty() {
                    "GRAPHQL_VALIDATION_FAILED"
                } else {
                    code::BAD_USER_INPUT
                };
                set_code(error, code);
            }
        }
        let has = |code| {
            response
                .errors
                .iter()
                .any(|error| code_of(error) == Some(code))
        };
        let status = if has(code::SERVICE_UNAVAILABLE) {
            StatusCode::SERVICE_UNAVAILABLE
        } else if was_run(&response) {
            StatusCode::OK
        } else if has(code::UNAUTHENTICATED) {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::BAD_REQUEST
        };
        Self {
            status,
            response,
            allow: None,
        }
    }

    /// Names the request in what is our fault, and speaks to older clients as they expect: one
    /// that does not ask for the GraphQL media type is told with 200 that its document was wrong.
    pub(super) fn finish(
        mut self,
        request_id: RequestId,
        headers: &HeaderMap,
    ) -> impl IntoResponse {
        for error in &mut self.response.errors {
            if code_of(error) == Some(code::INTERNAL_SERVER_ERROR) {
                let extensions = error.extensions.get_or_insert_default();
                extensions.set("requestId", request_id.to_string());
            }
        }
        let knows_graphql = headers
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains(GRAPHQL_RESPONSE));
        let media_type = if knows_graphql {
            GRAPHQL_RESPONSE
        } else {
            "application/json"
        };
        let is_of_the_document = self
            .response
            .errors
            .iter()
            .any(|error| code_of(error).is_some_and(|code| code.starts_with("GRAPHQL_")));
        if !knows_graphql && is_of_the_document {
            self.status = StatusCode::OK;
        }
        ([(CONTENT_TYPE, media_type)], self)
    }
}

/// The media type of the GraphQL over HTTP specification.
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut headers: Vec<(HeaderName, String)> = vec![
            (CONTENT_TYPE, "application/json".to_owned()),
            (CACHE_CONTROL, "no-store".to_owned()),
            (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        ];
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = r#"Bearer error="invalid_token""#.to_owned();
            headers.push((WWW_AUTHENTICATE, challenge));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.push((RETRY_AFTER, RETRY_AFTER_SECONDS.to_string()));
        }
        if let Some(methods) = self.allow {
            headers.push((ALLOW, methods.to_owned()));
        }
        let headers: HeaderMap = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)))
            .collect();
        // A request that was not run has no data, not even null.
        let body = if was_run(&self.response) {
            serde_json::to_vec(&self.response)
        } else {
            serde_json::to_vec(&serde_json::json!({ "errors": self.response.errors }))
        };
        match body {
            Ok(body) => (self.status, headers, body).into_response(),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// Whether the engine got as far as running the operation: then there is data, or a place where an
/// error made all of it null.
fn was_run(response: &async_graphql::Response) -> bool {
    !matches!(response.data, Value::Null)
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

fn set_code(error: &mut ServerError, code: &str) {
    error.extensions.get_or_insert_default().set("code", code);
}
