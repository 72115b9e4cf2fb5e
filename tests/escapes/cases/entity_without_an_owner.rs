//! Refused by E0277: the viewer queries no table without an owner.

use crate::scope::{Filter, Query, Viewer, change_logs};

fn everything(viewer: &Viewer, query: Query<change_logs::Entity>) { //~
    let _ = query;
}

async fn row(viewer: &Viewer, row: change_logs::ActiveModel) {
    let _ = viewer.insert(row).await; //~
}
