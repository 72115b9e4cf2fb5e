//! Defines the history of the database schema. Migrations are append-only once released, and import
//! nothing from the application.

use sea_orm_migration::prelude::*;

mod m20261129_000001_first;
mod m20261129_000002_credentials;
mod m20261129_000003_jobs;
mod tables;

pub use sea_orm_migration::{MigrationStatus, MigratorTrait};

/// Runs the migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261129_000001_first::Migration),
            Box::new(m20261129_000002_credentials::Migration),
            Box::new(m20261129_000003_jobs::Migration),
        ]
    }
}
