//! Refused by reading: the scan does not read files outside the sources.

#[path = "/tmp/escape.rs"]
mod escape;
