//! Refused by sources::words: migrations change everybody's rows.

use migration::{Migrator, MigratorTrait};
