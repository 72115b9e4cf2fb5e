//! The suite over PostgreSQL.

use crate::harness::Database;

pub(crate) const DATABASE: Database = Database::Postgresql;

#[path = "suite/mod.rs"]
mod suite;
