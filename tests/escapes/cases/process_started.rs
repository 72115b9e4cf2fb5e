//! Refused by reading: a program that is started reads the database's file.

fn dump() {
    let _ = std::process::Command::new("sqlite3").arg("data/cubby.db").output();
}
