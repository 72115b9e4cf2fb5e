//! Refused by E0423: what reads the database is made by the database.

use crate::db::Reads;

fn over<T>(connection: T) -> Reads {
    Reads(connection) //~
}
