//! Writes the rows and tombstones of synced entities.

use std::collections::HashMap;

use sea_orm::{ActiveModelTrait, ActiveValue::Set, IntoActiveModel, ModelTrait};

use super::{
    entity::{Synced, typed, value_of},
    tombstones,
};
use crate::{
    error::{Error, Result},
    id::TypedId,
    scope::{
        change_log::{LogEntry, signed},
        filter::Filter,
        query::{Direction, Query},
        sort_key::SortKey,
        viewer::Viewer,
    },
};

/// The number of later changes of a user after which a tombstone is purged.
const TOMBSTONE_TTL_CHANGES: i64 = 1_000_000;

/// The maximum number of tombstones that one deletion purges: more than the one that it adds, and
/// few enough not to delay other transactions.
const MAX_PURGED_TOMBSTONES: u64 = 10;

/// The reason why a change of a row failed.
pub(crate) enum SyncError<M> {
    /// The viewer has no row with this id.
    NotFound,
    /// The id belongs to a row that has been deleted.
    WasDeleted,
    /// The stored row has another version than the expected one: the row and its version.
    Conflict(Box<M>, i32),
    /// The change has no effect: the stored row. As an error it rolls back and returns the change
    /// number.
    Unchanged(Box<M>),
    Failed(Error),
}

impl<M> From<Error> for SyncError<M> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The state of an id that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Stored,
    Deleted,
}

type SyncResult<E, T> = std::result::Result<T, SyncError<<E as sea_orm::EntityTrait>::Model>>;

impl Viewer {
    /// Inserts the row that `build` returns, with the client's id or a new one. `build` may run
    /// more than once.
    ///
    /// # Errors
    /// Returns [`SyncError::Unchanged`] if a row with the id is stored, so that a client can repeat
    /// a create whose response was lost, and [`SyncError::WasDeleted`] if a row with the id has
    /// been deleted.
    pub(crate) async fn create_synced<E, X, F>(
        &self,
        id: Option<E::Id>,
        build: impl Fn(Self, LogEntry) -> F,
    ) -> std::result::Result<E::Model, X>
    where
        E: Synced,
        X: From<SyncError<E::Model>> + From<Error>,
        F: Future<Output = std::result::Result<E::ActiveModel, X>>,
    {
        let build = &build;
        self.transaction(|viewer| async move {
            let entry = viewer.take_change_numbers(1, E::COUNTER, 1).await?;
            let id = match id {
                Some(id) => viewer.unused::<E>(&entry, id).await?,
                None => E::Id::generate(viewer.ids(), viewer.now()),
            };
            let seq = entry.seq();
            let mut row = build(viewer.clone(), entry).await?;
            row.set(E::KEY, id.into());
            viewer.stamp::<E>(&mut row, 1, seq);
            Ok(viewer.insert_row(row).await?)
        })
        .await
    }

    /// Updates a row. `change` receives the stored row twice, as a model and as a row to write, and
    /// returns the second with its changed columns set. `change` may run more than once.
    ///
    /// # Errors
    /// Returns [`SyncError::NotFound`], [`SyncError::Conflict`] if the row's version differs from
    /// `if_version`, and [`SyncError::Unchanged`] if `change` sets no column.
    pub(crate) async fn update_synced<E, X, F>(
        &self,
        id: E::Id,
        if_version: Option<i32>,
        change: impl Fn(Self, E::Model, E::ActiveModel) -> F,
    ) -> std::result::Result<E::Model, X>
    where
        E: Synced,
        X: From<SyncError<E::Model>> + From<Error>,
        F: Future<Output = std::result::Result<E::ActiveModel, X>>,
    {
        let change = &change;
        self.transaction(|viewer| async move {
            let entry = viewer.take_change_numbers(1, None, 0).await?;
            let stored = viewer.find_at_version::<E>(&entry, id, if_version).await?;
            let row = stored.clone().into_active_model();
            let mut row = change(viewer.clone(), stored.clone(), row).await?;
            if !row.is_changed() {
                return Err(SyncError::Unchanged(stored.into()).into());
            }
            viewer.stamp::<E>(&mut row, version::<E>(&stored)? + 1, entry.seq());
            let written = viewer.update_rows(row, Filter::eq(E::KEY, id)).await?;
            Ok(written.into_iter().next().ok_or(SyncError::NotFound)?)
        })
        .await
    }

    /// Deletes a row and leaves a tombstone.
    ///
    /// # Errors
    /// Returns [`SyncError::NotFound`], and [`SyncError::Conflict`] if the row's version differs
    /// from `if_version`.
    pub(crate) async fn delete_synced<E: Synced>(
        &self,
        id: E::Id,
        if_version: Option<i32>,
    ) -> SyncResult<E, ()> {
        self.transaction(|viewer| async move {
            let entry = viewer.take_change_numbers(1, E::COUNTER, -1).await?;
            let stored = viewer.find_at_version::<E>(&entry, id, if_version).await?;
            viewer.delete_rows::<E>(Filter::eq(E::KEY, id)).await?;
            let tombstone = tombstones::ActiveModel {
                kind: Set(E::KIND.to_owned()),
                id: Set(typed(id.into())?),
                version: Set(version::<E>(&stored)? + 1),
                seq: Set(entry.seq()),
                origin_session_id: Set(Some(viewer.session_id())),
                deleted_at: Set(viewer.now()),
                ..Default::default()
            };
            viewer.insert_row(tombstone).await?;
            Ok(viewer.purge_tombstones(entry.seq()).await?)
        })
        .await
    }

    /// Inserts many rows, each with a change number of its own. Their ids must be unused. Their
    /// versions and times are taken from `rows`.
    pub(crate) async fn insert_synced<E: Synced>(
        &self,
        mut rows: Vec<E::ActiveModel>,
    ) -> Result<LogEntry> {
        let count = rows.len();
        let entry = self
            .take_change_numbers(count, E::COUNTER, signed(count)?)
            .await?;
        for (row, seq) in rows.iter_mut().zip(entry.seqs.clone()) {
            self.number::<E>(row, seq);
        }
        self.insert_rows(rows).await?;
        Ok(entry)
    }

    /// Writes `columns` of many rows that were read in this transaction. Each row takes a change
    /// number and its next version.
    pub(crate) async fn update_many_synced<E: Synced>(
        &self,
        mut rows: Vec<E::ActiveModel>,
        columns: &[E::Column],
    ) -> Result<()> {
        let seqs = self.reserve_seqs(rows.len()).await?;
        for (row, seq) in rows.iter_mut().zip(seqs) {
            let version: i32 = typed(value_of(row.get(E::VERSION))?)?;
            self.stamp::<E>(row, version + 1, seq);
        }
        let stamped = [E::VERSION, E::SEQ, E::ORIGIN_SESSION_ID, E::UPDATED_AT];
        self.update_each(rows, &[columns, &stamped].concat()).await
    }

    /// Writes `columns` of many rows, whose values are derived from other columns. Each row takes a
    /// change number, so that clients read it again, but its version stays.
    pub(crate) async fn rewrite_derived<E: Synced>(
        &self,
        mut rows: Vec<E::ActiveModel>,
        columns: &[E::Column],
    ) -> Result<()> {
        let seqs = self.reserve_seqs(rows.len()).await?;
        for (row, seq) in rows.iter_mut().zip(seqs) {
            self.number::<E>(row, seq);
        }
        let numbered = [E::SEQ, E::ORIGIN_SESSION_ID];
        self.update_each(rows, &[columns, &numbered].concat()).await
    }

    /// Returns the ids among `ids` that belong to stored or to deleted rows.
    pub(crate) async fn existing_ids<E: Synced>(
        &self,
        ids: Vec<E::Id>,
    ) -> Result<HashMap<E::Id, Existing>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let stored = Filter::is_in(E::KEY, ids.iter().copied());
        let stored = Query::<E>::filter(stored).columns([E::KEY]);
        let deleted = deleted::<E>(ids).columns([tombstones::Column::Id]);
        let stored = self.select_columns(stored, |row| Ok((row.get(0)?, Existing::Stored)));
        let mut existing: HashMap<_, _> = stored.await?.into_iter().collect();
        let deleted = self.select_columns(deleted, |row| Ok((row.get(0)?, Existing::Deleted)));
        existing.extend(deleted.await?);
        Ok(existing)
    }

    /// Returns the id if no stored row has it and no deleted row had it.
    async fn unused<E: Synced>(&self, entry: &LogEntry, id: E::Id) -> SyncResult<E, E::Id> {
        if self.find_one(deleted::<E>(vec![id])).await?.is_some() {
            return Err(SyncError::WasDeleted);
        }
        match self.find_current::<E>(entry, id).await? {
            Some(row) => Err(SyncError::Unchanged(row.into())),
            None => Ok(id),
        }
    }

    /// Returns the row if its version is `if_version` or `if_version` is `None`.
    async fn find_at_version<E: Synced>(
        &self,
        entry: &LogEntry,
        id: E::Id,
        if_version: Option<i32>,
    ) -> SyncResult<E, E::Model> {
        let row = self.find_current::<E>(entry, id).await?;
        let row = row.ok_or(SyncError::NotFound)?;
        let version = version::<E>(&row)?;
        if if_version.is_some_and(|expected| expected != version) {
            return Err(SyncError::Conflict(row.into(), version));
        }
        Ok(row)
    }

    /// Returns the row, rescheduled to its owner's current time zone.
    async fn find_current<E: Synced>(
        &self,
        entry: &LogEntry,
        id: E::Id,
    ) -> Result<Option<E::Model>> {
        let of_id = || Filter::eq(E::KEY, id);
        let stored = self.find_one(Query::<E>::filter(of_id())).await?;
        if let Some(row) = &stored
            && entry.is_moving
            && E::DEPENDS_ON_TIME_ZONE
            && let Some(changes) = E::catch_up(self, row).await?
        {
            return Ok(self.update_rows(changes, of_id()).await?.pop());
        }
        Ok(stored)
    }

    /// Sets the version, the time, the change number and the session of a row's change.
    pub(super) fn stamp<E: Synced>(&self, row: &mut E::ActiveModel, version: i32, seq: i64) {
        self.number::<E>(row, seq);
        row.set(E::VERSION, version.into());
        row.set(E::UPDATED_AT, self.now().into());
    }

    /// Sets the change number and the session of a row's change.
    fn number<E: Synced>(&self, row: &mut E::ActiveModel, seq: i64) {
        row.set(E::SEQ, seq.into());
        row.set(E::ORIGIN_SESSION_ID, Some(self.session_id()).into());
    }

    /// Deletes some of the tombstones that are too many changes old.
    async fn purge_tombstones(&self, seq: i64) -> Result<()> {
        use tombstones::Column::Seq;

        let old =
            Query::<tombstones::Entity>::filter(Filter::lte(Seq, seq - TOMBSTONE_TTL_CHANGES))
                .order_by(SortKey::column(Seq), Direction::Ascending)
                .limit(MAX_PURGED_TOMBSTONES);
        if let Some(last) = self.find_all(old).await?.last() {
            let old = Filter::<tombstones::Entity>::lte(Seq, last.seq);
            self.delete_rows(old).await?;
        }
        Ok(())
    }
}

/// Selects the tombstones of these ids.
pub(super) fn deleted<E: Synced>(ids: Vec<E::Id>) -> Query<tombstones::Entity> {
    let of_kind = Filter::eq(tombstones::Column::Kind, E::KIND);
    Query::filter(of_kind.and(Filter::is_in(tombstones::Column::Id, ids)))
}

fn version<E: Synced>(row: &E::Model) -> Result<i32> {
    typed(row.get(E::VERSION))
}
