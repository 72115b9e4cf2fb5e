//! Refused by reading: the scan does not read included files.

include!("/tmp/escape.rs");
