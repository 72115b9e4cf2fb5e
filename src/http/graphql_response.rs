//! The response to a GraphQL request: its status, its headers and its errors.

use async_graphql::{Response as EngineResponse, ServerError, Value};
use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, ALLOW, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};

use super::{
    admission::Admission,
    graphql_request::RequestError,
    json::{self, TooLong, was_run},
    negotiate::Media,
};
use crate::{
    error::{self, Error, RETRY_AFTER_SECONDS, code},
    id::RequestId,
    query_limits::Rejection,
};

/// The maximum number of errors in a response.
const MAX_ERRORS: usize = 10;

/// The maximum length of an error's message, in code points.
const MAX_MESSAGE_CHARS: usize = 500;

/// A GraphQL response and the status that it is sent with.
pub(super) struct GraphqlResponse {
    status: StatusCode,
    response: Box<EngineResponse>,
    /// The methods that are allowed, if the request's method is not.
    allow: Option<&'static str>,
    holds_token: bool,
}

/// Marks a response that contains a token, which must not be compressed.
#[derive(Clone, Copy)]
pub(super) struct HoldsToken;

impl GraphqlResponse {
    pub(super) fn method_not_allowed(allow: &'static str, message: &str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::rejection(StatusCode::METHOD_NOT_ALLOWED, code::BAD_REQUEST, message)
        }
    }

    /// Returns a response of one error; nothing was run.
    pub(super) fn rejection(status: StatusCode, code: &str, message: &str) -> Self {
        let mut error = ServerError::new(message, None);
        set_code(&mut error, code);
        Self::not_run(status, vec![error])
    }

    /// Returns a response for an error that prevented the operation.
    pub(super) fn from_error(error: Error) -> Self {
        let mut error = async_graphql::Error::from(error).into_server_error(Default::default());
        error.locations.clear();
        Self::executed(EngineResponse::from_errors(vec![error]))
    }

    /// Returns the response that replaces one that is too long.
    pub(super) fn too_long() -> Self {
        let most = json::MAX_RESPONSE_BYTES / (1024 * 1024);
        let message = format!("The response exceeds {most} MiB. Request less data at once.");
        Self::rejection(StatusCode::BAD_REQUEST, "RESPONSE_TOO_LARGE", &message)
    }

    fn not_run(status: StatusCode, errors: Vec<ServerError>) -> Self {
        Self {
            status,
            response: EngineResponse::from_errors(errors).into(),
            allow: None,
            holds_token: false,
        }
    }

    /// Returns the response of the engine. Some error codes determine the status, even if the
    /// operation was run.
    pub(super) fn executed(mut response: EngineResponse) -> Self {
        for error in &mut response.errors {
            if code_of(error).is_none() {
                // Errors of the engine have no code: without a path they concern the document, with
                // a path a value.
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

    pub(super) fn with_token_mark(self) -> Self {
        Self {
            holds_token: true,
            ..self
        }
    }

    /// Returns the engine's response for a stream or a socket, with at most [`MAX_ERRORS`] errors
    /// of limited length.
    pub(super) fn into_response(self, request_id: RequestId) -> EngineResponse {
        let mut response = *self.response;
        response.errors.truncate(MAX_ERRORS);
        for error in &mut response.errors {
            // The engine quotes input in full.
            if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE_CHARS) {
                error.message.truncate(end);
            }
            if code_of(error) == Some(code::INTERNAL_SERVER_ERROR) {
                let extensions = error.extensions.get_or_insert_default();
                extensions.set("requestId", request_id.to_string());
            }
        }
        response
    }

    /// Returns the response as JSON, for a stream.
    pub(super) fn into_json(self, request_id: RequestId) -> Vec<u8> {
        json::response(&self.into_response(request_id)).unwrap_or_else(|TooLong| {
            let too_long = Self::too_long().into_response(request_id);
            json::response(&too_long).unwrap_or_default()
        })
    }

    /// Returns the number of seconds after which a client should retry.
    fn retry_after(&self) -> u64 {
        let mut extensions = self.response.errors.iter().map(|error| &error.extensions);
        let seconds = extensions.find_map(|it| match it.as_ref()?.get(error::RETRY_AFTER)? {
            Value::Number(seconds) => seconds.as_u64(),
            _ => None,
        });
        seconds.unwrap_or(RETRY_AFTER_SECONDS)
    }

    /// True if the response can be sent as an event of a stream: the error concerns the document,
    /// not the HTTP request.
    pub(super) fn is_document_error(&self) -> bool {
        matches!(self.status, StatusCode::OK | StatusCode::BAD_REQUEST)
            && !self
                .response
                .errors
                .iter()
                .any(|error| code_of(error) == Some(code::BAD_REQUEST))
    }

    /// Returns the HTTP response. For `application/json`, a well-formed request has the status 200
    /// even if its document is invalid.
    pub(super) fn write(
        self,
        media: Media,
        request_id: RequestId,
        admission: &Admission,
    ) -> Response {
        let status = match media {
            Media::Json if self.is_document_error() => StatusCode::OK,
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
            return Self::too_long().write(media, request_id, admission);
        };
        let Some(body) = admission.track(written) else {
            return Self::from_error(Error::Unavailable).write(media, request_id, admission);
        };
        let mut response = (status, headers, body).into_response();
        if holds_token {
            response.extensions_mut().insert(HoldsToken);
        }
        response
    }
}

impl From<RequestError> for GraphqlResponse {
    fn from(unreadable: RequestError) -> Self {
        Self::rejection(unreadable.status, code::BAD_REQUEST, &unreadable.message)
    }
}

impl From<Rejection> for GraphqlResponse {
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
