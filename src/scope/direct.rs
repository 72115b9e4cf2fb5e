//! Writes of rows that have no change log.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

use super::{
    filter::Filter,
    owner::{Direct, Owned},
    viewer::Viewer,
};
use crate::error::Result;

impl Viewer {
    /// Stores a new row, the viewer's whoever it says it is.
    pub(crate) async fn insert<A>(&self, row: A) -> Result<<A::Entity as EntityTrait>::Model>
    where
        A: ActiveModelTrait,
        A::Entity: Owned<Writes = Direct>,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        self.insert_row(row).await
    }

    /// Writes the columns that are set in `changes` to those of the viewer's rows that `filter` matches, and returns
    /// them as they are now. The owner of a row never changes.
    pub(crate) async fn update<A>(
        &self,
        changes: A,
        filter: Filter<A::Entity>,
    ) -> Result<Vec<<A::Entity as EntityTrait>::Model>>
    where
        A: ActiveModelTrait,
        A::Entity: Owned<Writes = Direct>,
        <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    {
        self.update_rows(changes, filter).await
    }

    /// Removes those of the viewer's rows that `filter` matches, and returns them as they were.
    pub(crate) async fn delete<E: Owned<Writes = Direct>>(
        &self,
        filter: Filter<E>,
    ) -> Result<Vec<E::Model>> {
        self.delete_rows(filter).await
    }
}
