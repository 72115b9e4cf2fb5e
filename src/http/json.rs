//! Answers as JSON, and how long one may be.

use std::io::{self, Write};

use async_graphql::{Response, ServerError, Value};
use serde::Serialize;

/// How long an answer is at most, in bytes.
pub(super) const MAX_LENGTH: usize = 8 * 1024 * 1024;

/// It would be longer.
#[derive(Debug)]
pub(super) struct TooLong;

/// A response. What was not run has no data, not even null.
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
    let mut written = Bounded(Vec::new());
    // Nothing that is answered has keys that are no text, so length alone stops it.
    match serde_json::to_writer(&mut written, value) {
        Ok(()) => Ok(written.0),
        Err(_) => Err(TooLong),
    }
}

/// Whether the engine got as far as running the operation: then there is data, or a place where an
/// error made all of it null.
pub(super) fn was_run(response: &Response) -> bool {
    !matches!(response.data, Value::Null)
        || response.errors.is_empty()
        || response.errors.iter().any(|error| !error.path.is_empty())
}

struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_LENGTH {
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
    fn an_answer_is_written_up_to_its_greatest_length() {
        let text = |length: usize| Value::from("x".repeat(length));
        let quoted = MAX_LENGTH - 2;
        assert_eq!(json(&text(quoted)).unwrap().len(), MAX_LENGTH);
        json(&text(quoted + 1)).unwrap_err();
    }
}
