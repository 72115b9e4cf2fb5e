//! Parses the parameters of GraphQL over HTTP from a body or a URL.

use std::collections::BTreeMap;

use async_graphql::Variables;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, Uri, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{BODY_TIMEOUT, MAX_BODY_BYTES};
use crate::query_limits::{self, Hash};

/// The parameters of a request.
pub(super) struct GraphqlRequest {
    pub(super) query: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
    /// The hash of the document, by which automatic persisted queries name it.
    pub(super) hash: Option<Hash>,
    /// The id of the document in a manifest (GraphQL over HTTP, persisted documents).
    pub(super) document_id: Option<String>,
}

/// The reason why a request is invalid, with its status.
#[derive(Debug)]
pub(super) struct RequestError {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl RequestError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRequest {
    query: Option<String>,
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<BTreeMap<async_graphql::Name, async_graphql::Value>>,
    extensions: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PersistedQuery {
    version: u32,
    sha256_hash: String,
}

impl GraphqlRequest {
    /// Parses the body of a POST.
    pub(super) async fn from_body(headers: &HeaderMap, body: Body) -> Result<Self, RequestError> {
        if !is_json(headers) {
            // A browser sends forms and plain text to other origins without a preflight request.
            return Err(RequestError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the request as application/json, in UTF-8.",
            ));
        }
        if headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|value| value != "identity")
        {
            return Err(RequestError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the request without a Content-Encoding.",
            ));
        }
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > MAX_BODY_BYTES as u64) {
            return Err(too_large());
        }
        Self::from_raw(object(&read(body).await?, "The request")?)
    }

    /// Parses the payload of a WebSocket message, which is an object.
    pub(super) fn from_value(payload: Value) -> Result<Self, RequestError> {
        let sent = serde_json::from_value(payload);
        Self::from_raw(sent.map_err(|error| RequestError::bad_request(error.to_string()))?)
    }

    /// Parses the query string of a GET.
    pub(super) fn from_uri(uri: &Uri) -> Result<Self, RequestError> {
        let query = uri.query().unwrap_or_default();
        let mut sent = RawRequest {
            query: None,
            document_id: None,
            operation_name: None,
            variables: None,
            extensions: None,
        };
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if seen.contains(&name) {
                return Err(RequestError::bad_request(format!(
                    "The parameter {name} is given twice."
                )));
            }
            match name.as_ref() {
                "query" => sent.query = Some(value.into_owned()),
                "documentId" => sent.document_id = Some(value.into_owned()),
                "operationName" => sent.operation_name = Some(value.into_owned()),
                "variables" => sent.variables = optional_object(&value, "variables")?,
                "extensions" => sent.extensions = optional_object(&value, "extensions")?,
                _ => {}
            }
            seen.push(name);
        }
        Self::from_raw(sent)
    }

    /// True if the request contains a document, or the hash or id of one.
    pub(super) fn has_document(&self) -> bool {
        self.query.is_some() || self.hash.is_some() || self.document_id.is_some()
    }

    fn from_raw(sent: RawRequest) -> Result<Self, RequestError> {
        let persisted = sent
            .extensions
            .and_then(|mut extensions| extensions.remove("persistedQuery"));
        let variables = sent.variables.unwrap_or_default();
        Ok(Self {
            query: sent.query,
            // Some clients send an empty name for no name.
            operation_name: sent.operation_name.filter(|name| !name.is_empty()),
            variables: Variables::from_value(async_graphql::Value::Object(
                variables.into_iter().collect(),
            )),
            hash: persisted.map(hash).transpose()?,
            document_id: sent.document_id.filter(|id| !id.is_empty()),
        })
    }
}

fn hash(persisted: Value) -> Result<Hash, RequestError> {
    let invalid = || {
        RequestError::bad_request(
            "extensions.persistedQuery must have version 1 and a sha256Hash of 64 hexadecimal \
             digits.",
        )
    };
    if !persisted.is_object() {
        return Err(invalid());
    }
    let persisted: PersistedQuery = serde_json::from_value(persisted).map_err(|_| invalid())?;
    if persisted.version != 1 {
        return Err(invalid());
    }
    query_limits::read_hash(&persisted.sha256_hash).ok_or_else(invalid)
}

fn optional_object<T: DeserializeOwned>(text: &str, name: &str) -> Result<Option<T>, RequestError> {
    if text.is_empty() || text == "null" {
        return Ok(None);
    }
    object(text.as_bytes(), name).map(Some)
}

/// Parses a JSON object. A JSON array is rejected first, because serde would accept one of the
/// fields' values.
pub(super) fn object<T: DeserializeOwned>(text: &[u8], what: &str) -> Result<T, RequestError> {
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(RequestError::bad_request(format!(
            "{what} must be one JSON object."
        )));
    }
    serde_json::from_slice(text)
        .map_err(|error| RequestError::bad_request(format!("{what} cannot be read: {error}.")))
}

/// True if the content type is `application/json`, with no charset other than UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(value) = values.next().and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    is_json && is_utf8 && values.next().is_none()
}

async fn read(body: Body) -> Result<Bytes, RequestError> {
    let reading = Limited::new(body, MAX_BODY_BYTES).collect();
    match tokio::time::timeout(BODY_TIMEOUT, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(RequestError::bad_request(
            "The body ended before it was complete.",
        )),
        Err(_) => Err(RequestError::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "The body did not arrive within {} seconds.",
                BODY_TIMEOUT.as_secs()
            ),
        )),
    }
}

fn too_large() -> RequestError {
    let message = format!("The request exceeds {} KiB.", MAX_BODY_BYTES / 1024);
    RequestError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}
