//! Tests of the production router on each database, and of the binary.

#![expect(
    clippy::unwrap_used,
    reason = "tests look into the database past the viewer, and fail by panicking"
)]

mod binary;
mod databases;
mod files;
mod forger;
mod harness;
mod imported_users;
mod instances;
mod issuer;
mod log;
mod maintenance;
mod outages;
mod poolers;
mod postgresql;
mod process;
mod proxy;
mod schema;
mod sharding;
mod slow_clients;
mod sources;
mod specs;
mod suite;
mod token_log;
