//! Streams of responses: their permits, their formats and their end.

mod anonymous;
mod answers;
mod multipart;
mod open_streams;
mod permit;
mod socket;
mod sse;

pub(super) use answers::{Item, responses, single_response};
pub(super) use multipart::parts;
pub(crate) use open_streams::Streams;
pub(super) use open_streams::acquire;
pub(super) use socket::upgrade;
pub(super) use sse::events;
