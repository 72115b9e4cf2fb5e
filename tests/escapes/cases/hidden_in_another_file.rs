//! Refused by sources::attributes: what lies elsewhere is not read here.

#[path = "/tmp/escape.rs"]
mod escape;
