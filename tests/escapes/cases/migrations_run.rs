//! Refused by reading: migrations change the rows of all users.

use migration::{Migrator, MigratorTrait};
