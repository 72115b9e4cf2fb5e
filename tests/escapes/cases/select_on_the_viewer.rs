//! Refused by E0277: a viewer is no connection, so nothing is read around it.

use sea_orm::{CursorTrait, EntityTrait, LoaderTrait, PaginatorTrait, QuerySelect};

use super::entity::{Column, Entity, Model, deleted};
use crate::scope::Viewer;

async fn read(viewer: &Viewer, tasks: Vec<Model>) {
    let _ = Entity::find().all(viewer).await; //~
    let _ = Entity::find().one(viewer).await; //~
    let _ = Entity::find().count(viewer).await; //~
    let _ = Entity::find().paginate(viewer, 10); //~
    let _ = Entity::find().into_tuple::<String>().all(viewer).await; //~
    let _ = Entity::find().cursor_by(Column::Id).all(viewer).await; //~
    let _ = tasks.load_one(deleted::Entity::find(), viewer).await; //~
}
