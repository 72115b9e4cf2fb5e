//! A parsed and measured document, and the hash that identifies it.

use std::sync::OnceLock;

use async_graphql::{
    ServerError,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use aws_lc_rs::digest::{SHA256, digest};

use super::measure::{Measured, Operation};

/// The SHA-256 of a document's text.
pub(crate) type Hash = [u8; 32];

/// A document within the limits, and its measurements.
pub(crate) struct Document {
    pub(super) parsed: ExecutableDocument,
    pub(super) measured: Measured,
    pub(super) length: usize,
    /// The errors of the validation, once the document has been validated.
    pub(super) errors: OnceLock<Vec<ServerError>>,
}

/// Returns the hash of a document: the key of the cache, by which a client can also name the
/// document.
pub(crate) fn hash(text: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

/// Parses a hash of 64 hexadecimal digits.
pub(crate) fn read_hash(digits: &str) -> Option<Hash> {
    let digits = digits.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, digits) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

impl Document {
    /// Returns the operation that a request with this `operationName` runs.
    pub(crate) fn operation(&self, name: Option<&str>) -> Option<&Operation> {
        self.select(name).map(|(_, operation)| operation)
    }

    /// True if the engine may merge the results of two fields.
    pub(crate) fn has_merged_fields(&self) -> bool {
        self.measured.has_merged_fields
    }

    /// Returns a copy of the parsed document for the engine.
    pub(crate) fn parsed(&self) -> ExecutableDocument {
        self.parsed.clone()
    }

    pub(super) fn select(&self, name: Option<&str>) -> Option<(&OperationDefinition, &Operation)> {
        let (name, definition) = match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => (None, operation),
            (DocumentOperations::Single(_), Some(_)) => return None,
            (DocumentOperations::Multiple(operations), Some(name)) => {
                let (name, operation) = operations.get_key_value(name)?;
                (Some(name.clone()), operation)
            }
            (DocumentOperations::Multiple(operations), None) => {
                let mut operations = operations.iter();
                let (name, operation) = operations.next()?;
                if operations.next().is_some() {
                    return None;
                }
                (Some(name.clone()), operation)
            }
        };
        Some((&definition.node, self.measured.operations.get(&name)?))
    }
}
