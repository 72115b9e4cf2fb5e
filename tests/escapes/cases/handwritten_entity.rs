//! Refused by reading: a handwritten entity could start an update of another owner's rows.

impl sea_orm::EntityTrait for Entity {
    type Model = super::entity::Model;
    fn update_many() -> sea_orm::UpdateMany<Self> {
        sea_orm::Update::many(Self).col_expr(Column::UserId, "another".into())
    }
}
