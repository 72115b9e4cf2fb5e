//! The row of a user's email address.

use sea_orm::entity::prelude::*;

use crate::{
    clock::Timestamp,
    id::EmailId,
    scope::{Direct, Owned, Owner},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "emails")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Owner,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmailId,
    /// The address as it was typed.
    pub address: String,
    /// The normalized address, which is unique; `None` for the address that an external provider sent,
    /// by which no user is found.
    pub normalized: Option<String>,
    /// The time at which the user proved to receive mail at the address.
    pub verified_at: Option<Timestamp>,
    /// True for one address of each user that has any.
    pub is_primary: bool,
    pub created_at: Timestamp,
}

impl Model {
    /// Returns the address for mail: the local part as it was typed, and the domain in ASCII, which every
    /// mail server accepts.
    pub(in crate::identity) fn recipient(&self) -> String {
        let normalized = self.normalized.as_deref().unwrap_or(&self.address);
        match (self.address.split_once('@'), normalized.split_once('@')) {
            (Some((local, _)), Some((_, domain))) => format!("{local}@{domain}"),
            _ => self.address.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Owned for Entity {
    const OWNER: Column = Column::UserId;

    type Writes = Direct;
}
