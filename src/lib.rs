//! Cubby: identity provider and data API of a multi-user task app, in one process.

pub mod cli;
pub mod clock;
pub mod config;
mod count;
pub mod db;
mod error;
mod graphql;
mod http;
mod id;
mod identity;
mod keyset;
mod lines;
mod metrics;
mod mutation;
mod page;
mod private_file;
mod query_limits;
mod scope;
mod seed;
mod server;
mod tasks;
mod transfer;

pub use graphql::sdl;
pub use identity::{HashCost, KeyState, Keys, KeysError, ListedKey, People, PeopleError, Rotation};
pub use seed::{Seed, SeedError};
pub use server::{Server, StartError};
pub use tasks::{TaskFormat, TaskImport, TasksImported};
pub use transfer::{count_tasks, export_tasks, import_tasks};
