//! Runs short statements of SQLite on the calling thread.
//!
//! The driver runs each connection on a thread of its own and sends rows over a channel, which takes
//! longer than most statements.

mod connection;
mod reads;
mod writes;

pub(super) use reads::InlineReads;
pub(super) use writes::{GroupedTransaction, InlineWrites};
