//! Refused by sources::attributes: an expression in a text is read by nobody.

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "Entity", from = "Column::Id", to = "Column::Id", on_condition = "anything()")]
    Everything,
}
