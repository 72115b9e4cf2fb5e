//! Refused by clippy::disallowed_methods: a function named by hand is raw text.

use sea_orm::sea_query::Func;

fn function(name: String) {
    let _ = Func::cust(name).arg(1); //~
    let _ = sea_orm::sea_query::Func::cust("pg_read_file").arg("/etc/passwd"); //~
}
