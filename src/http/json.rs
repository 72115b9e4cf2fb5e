//! Serializes responses as JSON, up to a maximum length.

use std::io::{self, Write};

use async_graphql::{Response, ServerError, Value};
use serde::Serialize;

use crate::output::RawJson;

/// The maximum length of a response, in bytes.
pub(super) const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// The initial capacity of a response, in bytes: most fit.
const CAPACITY: usize = 1024;

/// The response would exceed [`MAX_RESPONSE_BYTES`].
#[derive(Debug)]
pub(super) struct TooLong;

/// Serializes a response. If the operation was not run, the response has no `data`, not even null
/// (GraphQL section 7.1).
pub(super) fn response(response: &Response) -> Result<Vec<u8>, TooLong> {
    #[derive(Serialize)]
    struct NotRun<'a> {
        errors: &'a [ServerError],
    }

    if was_run(response) {
        json(response)
    } else {
        let errors = &response.errors;
        json(&NotRun { errors })
    }
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, TooLong> {
    let mut written = LimitedBuffer(Vec::with_capacity(CAPACITY));
    // All keys are strings, so exceeding the maximum length is the only possible error.
    let mut serializer = serde_json::Serializer::with_formatter(&mut written, RawJson);
    match value.serialize(&mut serializer) {
        Ok(()) => Ok(written.0),
        Err(_) => Err(TooLong),
    }
}

/// True if the operation was run: the response has data, or an error with a path made all of it
/// null.
pub(super) fn was_run(response: &Response) -> bool {
    !matches!(response.data, Value::Null)
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

struct LimitedBuffer(Vec<u8>);

impl Write for LimitedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_RESPONSE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_may_have_maximum_length_but_not_more() {
        let text = |length: usize| Value::from("x".repeat(length));
        let quoted = MAX_RESPONSE_BYTES - 2;
        assert_eq!(json(&text(quoted)).unwrap().len(), MAX_RESPONSE_BYTES);
        json(&text(quoted + 1)).unwrap_err();
    }
}
