//! What Cubby must do, tried on the production router over each database, and on the binary.

#![expect(
    clippy::duplicate_mod,
    reason = "the suite runs twice: over SQLite and over PostgreSQL"
)]

mod harness;
mod on_postgresql;
mod on_sqlite;
mod postgresql;
mod running;
mod schema;
mod specs;
