//! Limits on documents: each is parsed and measured before it reaches the engine, and cached.
//!
//! The engine's own limits expand all fragments first, so one kilobyte of nested fragments keeps it
//! busy for seconds without a point at which it could be interrupted.

mod cost;
mod document;
mod documents;
mod literals;
mod measure;
mod merged_fields;
mod rejection;
mod strings;
mod syntax;
mod tokens;
mod trusted;
mod types;
mod variable_positions;
mod variables;

pub(crate) use document::{Document, Hash, hash, read_hash};
pub(crate) use documents::{Documents, OperationPlan};
pub(crate) use measure::Operation;
pub(crate) use rejection::Rejection;
pub use trusted::ManifestError;
pub use types::SchemaError;
