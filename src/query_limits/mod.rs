//! Documents: parsed once, measured before the engine sees them, and cached.
//!
//! The engine's own limits expand a document's fragments first, so that a kilobyte of them keeps it busy
//! for seconds, and nothing can interrupt it. Every document passes through here before it reaches the engine.

mod cost;
mod document;
mod documents;
mod literals;
mod measure;
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
