//! The trusted core: the viewer, the only way from feature code to the rows of a user.
//!
//! Only this folder reaches a connection for a viewer's queries. An [`Owner`] comes out of a stored row, or is new;
//! nothing turns the id of an existing user into one.

mod batches;
mod change_log;
mod change_notifier;
mod connection;
mod direct;
mod filter;
mod lists;
mod owner;
mod query;
mod sort_key;
mod synced;
mod transaction;
mod viewer;

pub(crate) use change_log::{LogEntry, entity as change_logs};
pub(crate) use change_notifier::{ChangeListener, ChangeNotifier};
pub(crate) use filter::{Filter, Match, Side};
pub(crate) use owner::{Direct, KeyedByOwner, Logged, Owned, Owner};
pub(crate) use query::{Column, Direction, Query, Row, all_columns, distinct_columns, insertable};
pub(crate) use sea_orm::{ActiveValue::Set, DbErr as RowError, Value};
pub(crate) use sort_key::SortKey;
pub(crate) use synced::{Change, ChangeBatch, Existing, SyncError, Synced, tombstones};
pub(crate) use viewer::{Grant, Viewer};
