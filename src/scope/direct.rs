//! Writes rows of tables without a change log.

use sea_orm::{ActiveModelTrait, EntityTrait, TryIntoModel};

use super::{
    filter::Filter,
    owner::{Direct, Owned},
    viewer::Viewer,
};
use crate::error::Result;

impl Viewer {
    /// Inserts a row that the viewer owns, with all columns set; an owner set in `row` is
    /// overwritten.
    pub(crate) async fn insert<A>(&self, row: A) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait + TryIntoModel<<A::Entity as EntityTrait>::Model>,
        A::Entity: Owned<Writes = Direct>,
    {
        self.insert_row(row).await
    }

    /// Writes the columns set in `changes` to the viewer's rows that match `filter`, and returns
    /// the updated rows. An owner set in `changes` is ignored.
    pub(crate) async fn update<A>(
        &self,
        changes: A,
        filter: Filter<A::Entity>,
    ) -> Result<Vec<<A::Entity as EntityTrait>::Model>>
    where
        A: ActiveModelTrait,
        A::Entity: Owned<Writes = Direct>,
    {
        self.update_rows(changes, filter).await
    }

    /// Deletes the viewer's rows that match `filter`, and returns the deleted rows.
    pub(crate) async fn delete<E: Owned<Writes = Direct>>(
        &self,
        filter: Filter<E>,
    ) -> Result<Vec<E::Model>> {
        self.delete_rows(filter).await
    }
}
