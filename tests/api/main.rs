//! Tests of the production router on each database, and of the binary.

#![expect(
    clippy::unwrap_used,
    reason = "tests look into the database past the viewer, and fail by panicking"
)]

mod admin_commands;
mod binary;
mod databases;
mod export_files;
mod forger;
mod harness;
mod imported_users;
mod instances;
mod issuer;
mod mail_servers;
mod outages;
mod poolers;
mod postgresql;
mod process;
mod proxy;
mod schema;
mod sharding;
mod slow_clients;
mod smtp;
mod sources;
mod statement_log;
mod suite;
mod token_log;
