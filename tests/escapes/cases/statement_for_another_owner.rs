//! Refused by E0624: only the viewer builds statements from queries and filters.

use super::entity::Entity;
use crate::{
    id::UserId,
    scope::{Filter, Query, Viewer},
};

async fn statement(viewer: &Viewer, other: UserId) {
    let _ = Query::<Entity>::all().select(other); //~
    let _ = Filter::<Entity>::always().condition(other); //~
    let _ = viewer.write(false, async |_| Ok(())).await; //~
}
