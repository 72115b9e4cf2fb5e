//! The messages of the protocol, in both directions.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    http::{
        graphql_response::Answer,
        json::{self, TooLong, was_run},
    },
    id::RequestId,
};

/// What a client says.
#[derive(Deserialize)]
pub(super) struct Received {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) payload: Option<Value>,
}

/// What an operation sends.
pub(super) struct Sent {
    pub(super) json: Vec<u8>,
    pub(super) is_last: bool,
}

impl Sent {
    /// An answer; the last one when the operation could not be run.
    pub(super) fn answer(id: &str, answer: Answer, request_id: RequestId) -> Self {
        Self::of(id, answer, request_id)
            .or_else(|TooLong| Self::of(id, Answer::too_long(), request_id))
            .unwrap_or_else(|TooLong| Self::complete(id))
    }

    fn of(id: &str, answer: Answer, request_id: RequestId) -> Result<Self, TooLong> {
        let response = answer.into_response(request_id);
        let is_last = !was_run(&response);
        let json = if is_last {
            told(Some(id), "error", Some(&response.errors))
        } else {
            told(Some(id), "next", Some(&response))
        };
        Ok(Self {
            json: json?,
            is_last,
        })
    }

    pub(super) fn complete(id: &str) -> Self {
        Self {
            json: told(Some(id), "complete", None::<()>).unwrap_or_default(),
            is_last: true,
        }
    }
}

/// A message that is about no operation.
pub(super) fn bare(kind: &str) -> Vec<u8> {
    told(None, kind, None::<()>).unwrap_or_default()
}

fn told(id: Option<&str>, kind: &str, payload: Option<impl Serialize>) -> Result<Vec<u8>, TooLong> {
    #[derive(Serialize)]
    struct Told<'a, P> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<P>,
    }

    json::json(&Told { id, kind, payload })
}
