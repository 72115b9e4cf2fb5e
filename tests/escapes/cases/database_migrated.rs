//! Refused by reading: migrations change everybody's rows.

use migration::{Migrator, MigratorTrait};
