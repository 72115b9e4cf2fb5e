//! Refused by E0277: the viewer cannot query a table without an owner.

use crate::scope::{Filter, Query, Viewer, change_logs};

fn all_rows(viewer: &Viewer, query: Query<change_logs::Entity>) { //~
    let _ = query;
}

async fn row(viewer: &Viewer, row: change_logs::ActiveModel) {
    let _ = viewer.insert(row).await; //~
}
