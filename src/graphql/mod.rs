//! The GraphQL schema: root types, the types that span slices, and the properties of each root
//! field.

mod changes;
mod errors;
mod node;
pub(crate) mod root_fields;
mod scalars;
mod schema;
mod service;
mod user;

pub(crate) use scalars::{SCALARS, ScalarError};
pub use schema::sdl;
pub(crate) use schema::{MAX_SELECTION_DEPTH, Schema, Validator, build, validator};
