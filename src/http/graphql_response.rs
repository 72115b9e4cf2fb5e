//! The answer to a GraphQL request: its status, its headers, and what errors look like.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};

use super::{
    admission::Bounds,
    graphql_request::Unreadable,
    json::{self, TooLong, was_run},
    negotiate::Media,
};
use crate::{
    error::{self, Error, RETRY_AFTER_SECONDS, code},
    id::RequestId,
    query_limits::Rejection,
};

/// How many errors an answer has at most.
const MAX_ERRORS: usize = 10;

/// How long a message is at most, in code points.
const MAX_MESSAGE: usize = 500;

/// A GraphQL response and the status that it is sent with.
pub(super) struct Answer {
    status: StatusCode,
    response: Box<GraphqlResponse>,
    /// The methods that would have been allowed, when this one was not.
    allow: Option<&'static str>,
    holds_token: bool,
}

/// Marks an answer that holds a token.
#[derive(Clone, Copy)]
pub(super) struct HoldsToken;

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
        Self::not_run(status, vec![error])
    }

    /// The error that kept the request from being run.
    pub(super) fn of(error: Error) -> Self {
        let mut error = async_graphql::Error::from(error).into_server_error(Default::default());
        error.locations.clear();
        Self::executed(GraphqlResponse::from_errors(vec![error]))
    }

    /// In place of an answer that would be too long.
    pub(super) fn too_long() -> Self {
        let most = json::MAX_LENGTH / (1024 * 1024);
        let message = format!("The answer has more than {most} MiB. Ask for fewer things at once.");
        Self::refusal(StatusCode::BAD_REQUEST, "RESPONSE_TOO_LARGE", &message)
    }

    fn not_run(status: StatusCode, errors: Vec<ServerError>) -> Self {
        Self {
            status,
            response: GraphqlResponse::from_errors(errors).into(),
            allow: None,
            holds_token: false,
        }
    }

    /// What the engine answered. Some codes have a status of their own whatever was asked for.
    pub(super) fn executed(mut response: GraphqlResponse) -> Self {
        for error in &mut response.errors {
            if code_of(error).is_none() {
                // The engine's own errors: of the document, or of a value in one place of it.
                let code = if error.path.is_empty() {
                    code::GRAPHQL_VALIDATION_FAILED
                } else {
                    code::BAD_USER_INPUT
                };
                set_code(error, code);
            }
        }
        let has = |code| {
            let mut errors = response.errors.iter();
            errors.any(|error| code_of(error) == Some(code))
        };
        let status = if has(code::SERVICE_UNAVAILABLE) {
            StatusCode::SERVICE_UNAVAILABLE
        } else if has(code::RATE_LIMITED) {
            StatusCode::TOO_MANY_REQUESTS
        } else if was_run(&response) {
            StatusCode::OK
        } else if has(code::UNAUTHENTICATED) {
            StatusCode::UNAUTHORIZED
        } else if has(code::INTERNAL_SERVER_ERROR) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::BAD_REQUEST
        };
        Self {
            status,
            response: response.into(),
            allow: None,
            holds_token: false,
        }
    }

    pub(super) fn holding_token(self) -> Self {
        Self {
            holds_token: true,
            ..self
        }
    }

    /// What it says, for whoever writes it otherwise than as one answer to HTTP.
    pub(super) fn into_response(self, request_id: RequestId) -> GraphqlResponse {
        let mut response = *self.response;
        response.errors.truncate(MAX_ERRORS);
        for error in &mut response.errors {
            // The engine repeats what was sent, all of it.
            if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE) {
                error.message.truncate(end);
            }
            if code_of(error) == Some(code::INTERNAL_SERVER_ERROR) {
                let extensions = error.extensions.get_or_insert_default();
                extensions.set("requestId", request_id.to_string());
            }
        }
        response
    }

    /// What it says as JSON, for a stream.
    pub(super) fn into_json(self, request_id: RequestId) -> Vec<u8> {
        json::response(&self.into_response(request_id)).unwrap_or_else(|TooLong| {
            let too_long = Self::too_long().into_response(request_id);
            json::response(&too_long).unwrap_or_default()
        })
    }

    /// How many seconds a client waits before it tries again.
    fn retry_after(&self) -> u64 {
        let mut extensions = self.response.errors.iter().map(|error| &error.extensions);
        let seconds = extensions.find_map(|it| match it.as_ref()?.get(error::RETRY_AFTER)? {
            Value::Number(seconds) => seconds.as_u64(),
            _ => None,
        });
        seconds.unwrap_or(RETRY_AFTER_SECONDS)
    }

    /// Whether a stream can carry it: what is wrong with the document, and not with the request.
    pub(super) fn is_of_the_document(&self) -> bool {
        matches!(self.status, StatusCode::OK | StatusCode::BAD_REQUEST)
            && !self
                .response
                .errors
                .iter()
                .any(|error| code_of(error) == Some(code::BAD_REQUEST))
    }

    /// Writes it. To older clients a request that was understood has the status 200, whatever was
    /// wrong with its document.
    pub(super) fn write(self, media: Media, request_id: RequestId, bounds: &Bounds) -> Response {
        let status = match media {
            Media::Json if self.is_of_the_document() => StatusCode::OK,
            _ => self.status,
        };
        let media = if media.is_stream() {
            Media::GraphqlResponse
        } else {
            media
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(RETRY_AFTER, self.retry_after().into());
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        headers.insert(VARY, HeaderValue::from_name(ACCEPT));
        let holds_token = self.holds_token;
        let Ok(written) = json::response(&self.into_response(request_id)) else {
            return Self::too_long().write(media, request_id, bounds);
        };
        let Some(body) = bounds.hold(written) else {
            return Self::of(Error::Unavailable).write(media, request_id, bounds);
        };
        let mut response = (status, headers, body).into_response();
        if holds_token {
            response.extensions_mut().insert(HoldsToken);
        }
        response
    }
}

impl From<Unreadable> for Answer {
    fn from(unreadable: Unreadable) -> Self {
        Self::refusal(unreadable.status, code::BAD_REQUEST, &unreadable.message)
    }
}

impl From<Rejection> for Answer {
    fn from(rejection: Rejection) -> Self {
        Self::not_run(StatusCode::BAD_REQUEST, rejection.into_errors())
    }
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
