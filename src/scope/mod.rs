//! Isolates users from each other: the viewer is the only way from feature code to a user's rows.
//!
//! Only this folder reaches a database connection for a viewer's queries. An [`Owner`] comes from a
//! stored row or belongs to a new user; the id of an existing user cannot be converted to an
//! `Owner`.

mod batches;
mod change_log;
mod change_notifier;
mod connection;
mod direct;
mod filter;
mod list_ends;
mod lists;
mod owner;
mod query;
mod sort_key;
mod synced;
mod transaction;
mod viewer;

pub(crate) use crate::db::Row;
pub(crate) use change_log::{LogEntry, entity as change_logs};
pub(crate) use change_notifier::{ChangeListener, ChangeNotifier};
pub(crate) use filter::{Filter, Match, Side};
pub(crate) use list_ends::ListEnd;
pub(crate) use owner::{Direct, KeyedByOwner, Logged, Owned, Owner};
pub(crate) use query::{Column, Direction, Query, all_columns, distinct_columns, insertable};
pub(crate) use sea_orm::{ActiveValue::Set, DbErr as RowError, Value};
pub(crate) use sort_key::SortKey;
pub(crate) use synced::{
    Change, ChangeBatch, Existing, Ordered, ReadChanges, SyncError, Synced, tombstones,
};
pub(crate) use viewer::{Grant, Viewer};
