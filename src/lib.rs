//! Cubby is a self-hosted backend for task apps: accounts, sessions and a live GraphQL API in one
//! process.

pub mod cli;
pub mod clock;
pub mod config;
mod count;
mod crypto;
pub mod db;
mod error;
mod graphql;
mod http;
mod id;
mod identity;
mod import_errors;
mod import_export;
mod input;
mod jobs;
mod mail;
mod metrics;
mod output;
mod pagination;
mod payload;
mod private_file;
mod query_limits;
mod scope;
mod seed;
mod server;
mod tasks;

pub use graphql::sdl;
pub use identity::{
    AdminError, HashCost, KeyState, Keys, KeysError, ListedKey, Rotation, UserAdmin,
};
pub use import_export::{
    TaskFormat, TaskImport, TasksImported, count_tasks, export_tasks, import_tasks,
};
pub use seed::{Seed, SeedError};
pub use server::{Server, StartError};
