//! The history of the database's schema: append only once released, plain names, no imports from the application.

use sea_orm_migration::prelude::*;

mod m20261129_000001_first;

pub use sea_orm_migration::{MigrationStatus, MigratorTrait};

/// Every migration, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261129_000001_first::Migration)]
    }
}
