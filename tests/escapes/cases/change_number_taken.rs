//! Refused by E0624: only the module of synced entities takes numbers of a change log.

use super::entity::{ActiveModel, Entity};
use crate::scope::{Filter, Viewer};

async fn take(viewer: &Viewer, row: ActiveModel) {
    let _ = viewer.reserve_seqs(1).await; //~
    let _ = viewer.take_change_numbers(1, None, 0).await; //~
    let _ = viewer.insert_row(row.clone()).await; //~
    let _ = viewer.update_rows(row, Filter::always()).await; //~
    let _ = viewer.delete_rows::<Entity>(Filter::always()).await; //~
}
