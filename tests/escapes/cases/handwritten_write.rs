//! Refused by reading: writes must go through the viewer, which sets the owner.

use super::entity::{ActiveModel, Entity};

fn written(row: ActiveModel) {
    let _ = sea_orm::Insert::one(row.clone());
    let _ = sea_orm::InsertMany::many([row.clone()]);
    let _ = sea_orm::Update::many(Entity);
    let _ = sea_orm::Delete::many(Entity);
    let _: sea_orm::TryInsert<ActiveModel>;
    let _: sea_orm::UpdateOne<ActiveModel>;
    let _: sea_orm::UpdateMany<Entity>;
    let _: sea_orm::DeleteOne<Entity>;
    let _: sea_orm::DeleteMany<Entity>;
}
