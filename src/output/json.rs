//! JSON that is already written, inside the engine's values.

use std::io::{self, Write};

use async_graphql::Value;
use serde::Serialize;
use serde_json::ser::Formatter;

/// The initial capacity of an object's JSON, in bytes: most pages fit.
const CAPACITY: usize = 8 * 1024;

/// JSON that is being written.
pub(crate) struct Json(Vec<u8>);

impl Default for Json {
    fn default() -> Self {
        Self(Vec::with_capacity(CAPACITY))
    }
}

impl Json {
    /// Appends text that is valid JSON at this place.
    pub(crate) fn push(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    /// Appends a string whose characters JSON does not escape.
    pub(crate) fn push_plain(&mut self, text: &str) {
        self.push("\"");
        self.push(text);
        self.push("\"");
    }

    /// Appends a value.
    pub(crate) fn push_value(&mut self, value: &impl Serialize) {
        // Writing to memory cannot fail, and all keys are strings.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    /// Returns the JSON as a value of the engine, for [`RawJson`].
    pub(super) fn into_value(self) -> Value {
        // No client can send this variant: JSON and GraphQL literals have no binary values.
        Value::Binary(self.0.into())
    }
}

/// Serializes values of the engine: those that [`Json`] has written are copied.
pub(crate) struct RawJson;

impl Formatter for RawJson {
    fn write_byte_array<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        json: &[u8],
    ) -> io::Result<()> {
        writer.write_all(json)
    }
}
