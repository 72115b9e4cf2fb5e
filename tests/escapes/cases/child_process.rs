//! Refused by reading: a child process could read the database file.

fn dump() {
    let _ = std::process::Command::new("sqlite3").arg("data/cubby.db").output();
}
