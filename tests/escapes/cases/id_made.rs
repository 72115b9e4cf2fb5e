//! Refused by clippy::disallowed_methods: ids increase strictly because one place makes them.

fn next(timestamp: uuid::Timestamp) {
    let _ = uuid::Uuid::now_v7(); //~
    let _ = uuid::Uuid::new_v7(timestamp); //~
}
