//! Connects to SQLite or PostgreSQL, and runs reads, transactions and migrations.

mod backoff;
mod commit_mark;
mod conflicts;
mod connect;
mod connection;
mod database;
mod failure;
mod inline;
mod maintenance;
mod migrations;
mod pool;
mod pooler;
mod random_name;
mod read_pool;
mod row;
mod session_end_announcement;
mod session_end_listener;
mod shares;
mod short_transaction;
#[cfg(test)]
mod tests;
mod timeouts;
mod transaction;

pub(crate) use commit_mark::CommitMark;
pub(crate) use conflicts::End;
pub use database::Database;
pub(crate) use database::Readiness;
pub(crate) use failure::{violates_foreign_key, violates_unique};
pub(crate) use row::Row;
pub(crate) use session_end_listener::{SessionEnd, SessionEndListener};
pub(crate) use short_transaction::ShortTransaction;
pub(crate) use transaction::Transaction;

use failure::DbResult;
use random_name::random_name;
