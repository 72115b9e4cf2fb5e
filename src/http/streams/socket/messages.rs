//! The messages of the `graphql-transport-ws` protocol, in both directions.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    http::{
        graphql_response::GraphqlResponse,
        json::{self, TooLong, was_run},
    },
    id::RequestId,
};

/// A message of the client.
#[derive(Deserialize)]
pub(super) struct ClientMessage {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) payload: Option<Value>,
}

/// A message of an operation to the client.
pub(super) struct Sent {
    pub(super) json: Vec<u8>,
    pub(super) is_last: bool,
}

impl Sent {
    /// Returns the message for a response. It is the last one if the operation was not run.
    pub(super) fn answer(id: &str, answer: GraphqlResponse, request_id: RequestId) -> Self {
        Self::of(id, answer, request_id)
            .or_else(|TooLong| Self::of(id, GraphqlResponse::too_long(), request_id))
            .unwrap_or_else(|TooLong| Self::complete(id))
    }

    fn of(id: &str, answer: GraphqlResponse, request_id: RequestId) -> Result<Self, TooLong> {
        let response = answer.into_response(request_id);
        let is_last = !was_run(&response);
        let json = if is_last {
            encode(Some(id), "error", Some(&response.errors))
        } else {
            encode(Some(id), "next", Some(&response))
        };
        Ok(Self {
            json: json?,
            is_last,
        })
    }

    pub(super) fn complete(id: &str) -> Self {
        Self {
            json: encode(Some(id), "complete", None::<()>).unwrap_or_default(),
            is_last: true,
        }
    }
}

/// Returns a message without an operation, such as `pong`.
pub(super) fn without_operation(kind: &str) -> Vec<u8> {
    encode(None, kind, None::<()>).unwrap_or_default()
}

fn encode(
    id: Option<&str>,
    kind: &str,
    payload: Option<impl Serialize>,
) -> Result<Vec<u8>, TooLong> {
    #[derive(Serialize)]
    struct Message<'a, P> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<P>,
    }

    json::json(&Message { id, kind, payload })
}
