//! Refused by E0271: each change of a synced row must take a number of its owner's change log.

use super::entity::{ActiveModel, Column, Entity};
use crate::scope::{Filter, Set, Viewer};

async fn write(viewer: &Viewer, row: ActiveModel) {
    let _ = viewer.insert(row.clone()).await; //~
    let seq = ActiveModel { seq: Set(1), ..row };
    let _ = viewer.update(seq, Filter::gt(Column::Seq, 1)).await; //~
    let _ = viewer.delete::<Entity>(Filter::always()).await; //~
}
