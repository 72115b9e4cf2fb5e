//! Refused by E0308: the viewer runs no select of one's own text.

use sea_orm::{EntityTrait, raw_sql};

use super::entity::Entity;
use crate::scope::Viewer;

async fn all(viewer: &Viewer) {
    let statement = raw_sql!(Sqlite, "SELECT * FROM tasks");
    let _ = viewer.all(Entity::find().from_raw_sql(statement)).await; //~
}
