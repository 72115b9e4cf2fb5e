//! Refused by reading: an entity could begin an update with an owner of its own.

impl sea_orm::EntityTrait for Entity {
    type Model = super::entity::Model;
    fn update_many() -> sea_orm::UpdateMany<Self> {
        sea_orm::Update::many(Self).col_expr(Column::UserId, "another".into())
    }
}
