//! Refused by sources::implements: a row could keep an owner of its own.

impl sea_orm::ActiveModelTrait for Row {
    type Entity = super::entity::Entity;
    fn set(&mut self, _: Column, _: sea_orm::Value) {}
}
