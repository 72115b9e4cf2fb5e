//! The trusted core: the viewer, the only way from feature code to the rows of a user.
//!
//! Only this folder reaches a connection for a viewer's queries. An [`Owner`] comes out of a stored row, or is new;
//! nothing turns the id of an existing user into one.

mod change_log;
mod change_notifier;
mod connection;
mod owner;
mod transaction;
mod viewer;

pub(crate) use change_log::{LogEntry, entity as change_logs};
pub(crate) use change_notifier::{ChangeListener, ChangeNotifier};
pub(crate) use owner::{KeyedByOwner, Owned, Owner};
pub(crate) use viewer::{Grant, Viewer};
