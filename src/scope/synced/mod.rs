//! Reads and writes synced entities: rows whose every change takes the next number of their owner's
//! change log.
//!
//! A change takes its number before it reads the row. Taking the number locks the change log, so
//! concurrent changes of one user's rows run one after another, each on the current row. A change
//! without effect fails, and the rollback returns the number.

mod append;
mod changes;
mod entity;
mod loader;
pub(crate) mod tombstones;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use changes::{Change, ChangeBatch, ReadChanges};
pub(crate) use entity::{Ordered, Synced};
pub(crate) use write::{Existing, SyncError};
