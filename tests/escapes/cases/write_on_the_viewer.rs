//! Refused by E0277: a viewer is no connection, so nothing is written around it.

use sea_orm::{ActiveModelTrait, EntityTrait, ModelTrait};

use super::entity::{ActiveModel, Entity, Model};
use crate::scope::Viewer;

async fn write(viewer: &Viewer, row: ActiveModel, task: Model) {
    let _ = Entity::insert(row.clone()).exec(viewer).await; //~
    let _ = Entity::insert_many([row.clone()]).exec(viewer).await; //~
    let _ = Entity::update(row.clone()).exec(viewer).await; //~
    let _ = Entity::update_many().set(row.clone()).exec(viewer).await; //~
    let _ = Entity::delete_many().exec(viewer).await; //~
    let _ = row.clone().insert(viewer).await; //~
    let _ = row.clone().update(viewer).await; //~
    let _ = row.clone().save(viewer).await; //~
    let _ = row.delete(viewer).await; //~
    let _ = task.delete(viewer).await; //~
}
