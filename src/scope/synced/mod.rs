//! Synced entities: rows whose every change takes the next number of their owner's change log.
//!
//! A change takes its number before it reads the row. Taking it makes changes of one user's rows wait for each other,
//! so that what was read is what is changed; a change that turns out to change nothing gives the number back by
//! failing.

mod changes;
mod entity;
mod loader;
pub(crate) mod tombstones;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use changes::{Change, ChangeBatch};
pub(crate) use entity::Synced;
pub(crate) use write::{Existing, SyncError};
