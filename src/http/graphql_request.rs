//! What a GraphQL request says: the parameters of GraphQL over HTTP, from a body or from a URL.

use std::collections::BTreeMap;

use async_graphql::Variables;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, Uri, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{BODY_TIMEOUT, MAX_BODY};
use crate::query_limits::{self, Hash};

/// The parameters of a request.
pub(super) struct Params {
    pub(super) query: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
    /// The document's name, as automatic persisted queries have it.
    pub(super) hash: Option<Hash>,
    /// Its name in a manifest, as GraphQL over HTTP has it.
    pub(super) document_id: Option<String>,
}

/// Why what was sent is no request.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Unreadable {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    fn wrong(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
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

impl Params {
    /// Reads the body of a POST.
    pub(super) async fn of_body(headers: &HeaderMap, body: Body) -> Result<Self, Unreadable> {
        if !is_json(headers) {
            // A form or a plain text would be sent by a browser without asking first.
            return Err(Unreadable::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the request as application/json, in UTF-8.",
            ));
        }
        if headers
            .get_all(header::CONTENT_ENCODING)
            .iter()
            .any(|value| value != "identity")
        {
            return Err(Unreadable::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the request as it is, without a Content-Encoding.",
            ));
        }
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > MAX_BODY as u64) {
            return Err(too_large());
        }
        Self::of_sent(object(&read(body).await?, "The request")?)
    }

    /// Reads the payload of a socket's message, which is an object.
    pub(super) fn of_value(payload: Value) -> Result<Self, Unreadable> {
        let sent = serde_json::from_value(payload);
        Self::of_sent(sent.map_err(|error| Unreadable::wrong(error.to_string()))?)
    }

    /// Reads the query of a GET.
    pub(super) fn of_uri(uri: &Uri) -> Result<Self, Unreadable> {
        let query = uri.query().unwrap_or_default();
        let mut sent = Sent {
            query: None,
            document_id: None,
            operation_name: None,
            variables: None,
            extensions: None,
        };
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if seen.contains(&name) {
                return Err(Unreadable::wrong(format!(
                    "The parameter {name} is given twice."
                )));
            }
            match name.as_ref() {
                "query" => sent.query = Some(value.into_owned()),
                "documentId" => sent.document_id = Some(value.into_owned()),
                "operationName" => sent.operation_name = Some(value.into_owned()),
                "variables" => sent.variables = json_or_nothing(&value, "variables")?,
                "extensions" => sent.extensions = json_or_nothing(&value, "extensions")?,
                _ => {}
            }
            seen.push(name);
        }
        Self::of_sent(sent)
    }

    /// True if the request has a document, or the name of one.
    pub(super) fn names_document(&self) -> bool {
        self.query.is_some() || self.hash.is_some() || self.document_id.is_some()
    }

    fn of_sent(sent: Sent) -> Result<Self, Unreadable> {
        let persisted = sent
            .extensions
            .and_then(|mut extensions| extensions.remove("persistedQuery"));
        let variables = sent.variables.unwrap_or_default();
        Ok(Self {
            query: sent.query,
            // Forms and some clients send an empty one when there is none.
            operation_name: sent.operation_name.filter(|name| !name.is_empty()),
            variables: Variables::from_value(async_graphql::Value::Object(
                variables.into_iter().collect(),
            )),
            hash: persisted.map(hash).transpose()?,
            document_id: sent.document_id.filter(|id| !id.is_empty()),
        })
    }
}

fn hash(persisted: Value) -> Result<Hash, Unreadable> {
    let wrong = || {
        Unreadable::wrong(
            "extensions.persistedQuery must have version 1 and a sha256Hash of 64 hexadecimal \
             digits.",
        )
    };
    if !persisted.is_object() {
        return Err(wrong());
    }
    let persisted: PersistedQuery = serde_json::from_value(persisted).map_err(|_| wrong())?;
    if persisted.version != 1 {
        return Err(wrong());
    }
    query_limits::read_hash(&persisted.sha256_hash).ok_or_else(wrong)
}

fn json_or_nothing<T: DeserializeOwned>(text: &str, name: &str) -> Result<Option<T>, Unreadable> {
    if text.is_empty() || text == "null" {
        return Ok(None);
    }
    object(text.as_bytes(), name).map(Some)
}

/// Reads an object: a list of the members' values would do for the deserializer.
pub(super) fn object<T: DeserializeOwned>(text: &[u8], what: &str) -> Result<T, Unreadable> {
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(Unreadable::wrong(format!(
            "{what} must be a JSON object, and one alone."
        )));
    }
    serde_json::from_slice(text)
        .map_err(|error| Unreadable::wrong(format!("{what} cannot be read: {error}.")))
}

/// `application/json`, in UTF-8 if it says so.
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

async fn read(body: Body) -> Result<Bytes, Unreadable> {
    let reading = Limited::new(body, MAX_BODY).collect();
    match tokio::time::timeout(BODY_TIMEOUT, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Unreadable::wrong("The body ended too soon.")),
        Err(_) => Err(Unreadable::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "The body did not arrive within {} seconds.",
                BODY_TIMEOUT.as_secs()
            ),
        )),
    }
}

fn too_large() -> Unreadable {
    let message = format!("A request has at most {} KiB.", MAX_BODY / 1024);
    Unreadable::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}
