//! Refused by clippy::disallowed_types: a connection of one's own walks past the viewer.

use sea_orm::ConnectOptions; //~

fn options() -> ConnectOptions { //~
    sea_orm::ConnectOptions::new("sqlite://data/cubby.db") //~
}
