//! Cubby: identity provider and data API of a multi-user task app, in one process.

pub mod clock;
pub mod config;
mod count;
pub mod db;
#[cfg(test)]
mod differential;
mod doctor;
mod error;
mod http;
mod id;
mod identity;
mod keyset;
mod lines;
mod maintenance;
mod metrics;
mod mutation;
mod page;
mod private_file;
mod query_limits;
mod schema;
mod scope;
mod seed;
mod server;
mod tasks;
mod transfer;

pub use count::counted;
pub use doctor::{Finding, Health, examine};
pub use identity::{
    ImportOptions, Imported, KeyState, Keys, KeysError, ListedKey, People, PeopleError, Person,
    Rotation,
};
pub use maintenance::{backup, people, signing_keys};
pub use schema::sdl;
pub use seed::{Seed, SeedError};
pub use server::{Server, StartError};
pub use tasks::{TaskFormat, TaskImport, TasksImported};
pub use transfer::{count_tasks, export_tasks, import_tasks};
