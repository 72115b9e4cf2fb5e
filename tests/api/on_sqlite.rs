//! The suite over SQLite.

use crate::harness::Database;

pub(crate) const DATABASE: Database = Database::Sqlite;

#[path = "suite/mod.rs"]
mod suite;
