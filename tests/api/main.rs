//! What Cubby must do, tried on the production router over each database, and on the binary.

#![expect(
    clippy::unwrap_used,
    reason = "tests look into the database past the viewer, and fail by panicking"
)]

mod databases;
mod files;
mod forger;
mod harness;
mod instances;
mod issuer;
mod log;
mod maintenance;
mod migrations;
mod outages;
mod peers;
mod poolers;
mod postgresql;
mod process;
mod proxy;
mod running;
mod schema;
mod sources;
mod specs;
mod suite;
mod taken_over;
mod token_log;
