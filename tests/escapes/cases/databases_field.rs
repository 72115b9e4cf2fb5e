//! Refused by E0616: the connection inside the database is private.

use crate::db::Database;

fn inside(database: &Database) {
    let _ = &database.reads.0; //~
}
