//! Refused by E0599: the viewer has no method that takes a statement.

use crate::scope::Viewer;

async fn run(viewer: &Viewer) {
    let _ = viewer.execute_unprepared("DELETE FROM tasks").await; //~
    let _ = viewer.query_all_raw("SELECT * FROM users").await; //~
}
