//! Checks of the documents and of the wording: each name in a document exists, each public name is
//! documented, and comments, messages and documents avoid the habits of `prose.rs`.

mod facts;
mod files;
mod names;
mod prose;
mod schema;
mod segments;
