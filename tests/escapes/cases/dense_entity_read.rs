//! Refused by sources::attributes: the dense format makes loaders that go around the viewer.

#[sea_orm::model]
pub struct Model {
    pub user_id: crate::scope::Owner,
}
