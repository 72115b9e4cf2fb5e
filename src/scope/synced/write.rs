//! The writes of synced entities: the only ones of their rows, and of tombstones.

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

/// The number of changes of a user after which a deletion is forgotten.
const MAX_CHANGES_SINCE_DELETION: i64 = 1_000_000;

/// The number of deletions that one deletion forgets: more than it adds, and few, so that others do not wait.
const FORGOTTEN_PER_DELETION: u64 = 10;

/// The failure of a change of a row.
pub(crate) enum SyncError<M> {
    /// The viewer has no such row.
    NotFound,
    /// The id belonged to a row that was deleted lately.
    WasDeleted,
    /// The row, as stored, is at this version and not at the one that was named.
    Conflict(Box<M>, i32),
    /// The row, as stored, is already as it was to become. Failing gives the number back.
    Unchanged(Box<M>),
    Failed(Error),
}

impl<M> From<Error> for SyncError<M> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The state of an id that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Stored,
    Deleted,
}

type SyncResult<E, T> = std::result::Result<T, SyncError<<E as sea_orm::EntityTrait>::Model>>;

impl Viewer {
    /// Stores the row that `build` makes, under a client's id or a new one. `build` may run more than once.
    ///
    /// # Errors
    /// [`SyncError::Unchanged`] if the id is stored, so that a create whose answer was lost can be sent again, and
    /// [`SyncError::WasDeleted`] if it was.
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
            let entry = viewer.advance_log(1, E::COUNTER, 1).await?;
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

    /// Changes a row, if it is at the version that is named. `change` is given the row as it is stored, twice, and
    /// returns the second one with its columns set. It may run more than once.
    ///
    /// # Errors
    /// [`SyncError::NotFound`], [`SyncError::Conflict`], and [`SyncError::Unchanged`] if `change` sets no column.
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
            let entry = viewer.advance_log(1, None, 0).await?;
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

    /// Deletes a row, if it is at the version that is named, and leaves a tombstone.
    ///
    /// # Errors
    /// [`SyncError::NotFound`] and [`SyncError::Conflict`].
    pub(crate) async fn delete_synced<E: Synced>(
        &self,
        id: E::Id,
        if_version: Option<i32>,
    ) -> SyncResult<E, ()> {
        self.transaction(|viewer| async move {
            let entry = viewer.advance_log(1, E::COUNTER, -1).await?;
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
            Ok(viewer.forget_deletions(entry.seq()).await?)
        })
        .await
    }

    /// Stores many new rows, whose ids must be free, each as a change of its own. Their versions and times are those of
    /// `rows`.
    pub(crate) async fn insert_synced<E: Synced>(
        &self,
        mut rows: Vec<E::ActiveModel>,
    ) -> Result<LogEntry> {
        let count = rows.len();
        let entry = self.advance_log(count, E::COUNTER, signed(count)?).await?;
        for (row, seq) in rows.iter_mut().zip(entry.seqs.clone()) {
            self.number::<E>(row, seq);
        }
        self.insert_rows(rows).await?;
        Ok(entry)
    }

    /// Writes these columns of many rows that were read before, each as a change of its own.
    pub(crate) async fn update_many_synced<E: Synced>(
        &self,
        mut rows: Vec<E::ActiveModel>,
        columns: &[E::Column],
    ) -> Result<()> {
        let seqs = self.take_seqs(rows.len()).await?;
        for (row, seq) in rows.iter_mut().zip(seqs) {
            let version: i32 = typed(value_of(row.get(E::VERSION))?)?;
            self.stamp::<E>(row, version + 1, seq);
        }
        let stamped = [E::VERSION, E::SEQ, E::ORIGIN_SESSION_ID, E::UPDATED_AT];
        self.rewrite_rows(rows, &[columns, &stamped].concat()).await
    }

    /// Writes these columns of many rows, which follow from what the rows say already: they take numbers, so that
    /// clients read them again, and stay at their versions.
    pub(crate) async fn rewrite_derived<E: Synced>(
        &self,
        mut rows: Vec<E::ActiveModel>,
        columns: &[E::Column],
    ) -> Result<()> {
        let seqs = self.take_seqs(rows.len()).await?;
        for (row, seq) in rows.iter_mut().zip(seqs) {
            self.number::<E>(row, seq);
        }
        let numbered = [E::SEQ, E::ORIGIN_SESSION_ID];
        self.rewrite_rows(rows, &[columns, &numbered].concat())
            .await
    }

    /// Finds the ids that belong to stored rows, or to rows that were deleted lately.
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

    /// Returns the id, if no row has it or had it lately.
    async fn unused<E: Synced>(&self, entry: &LogEntry, id: E::Id) -> SyncResult<E, E::Id> {
        if self.find_one(deleted::<E>(vec![id])).await?.is_some() {
            return Err(SyncError::WasDeleted);
        }
        match self.find_current::<E>(entry, id).await? {
            Some(row) => Err(SyncError::Unchanged(row.into())),
            None => Ok(id),
        }
    }

    /// Returns the row, if it is stored and at the version that is named.
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

    /// Returns the row, once it follows its owner's time zone.
    async fn find_current<E: Synced>(
        &self,
        entry: &LogEntry,
        id: E::Id,
    ) -> Result<Option<E::Model>> {
        let of_id = || Filter::eq(E::KEY, id);
        let stored = self.find_one(Query::<E>::filter(of_id())).await?;
        if let Some(row) = &stored
            && entry.is_moving
            && E::FOLLOWS_TIME_ZONE
            && let Some(changes) = E::catch_up(self, row).await?
        {
            return Ok(self.update_rows(changes, of_id()).await?.pop());
        }
        Ok(stored)
    }

    /// Says in a row which change it is, and whose.
    fn stamp<E: Synced>(&self, row: &mut E::ActiveModel, version: i32, seq: i64) {
        self.number::<E>(row, seq);
        row.set(E::VERSION, version.into());
        row.set(E::UPDATED_AT, self.now().into());
    }

    fn number<E: Synced>(&self, row: &mut E::ActiveModel, seq: i64) {
        row.set(E::SEQ, seq.into());
        row.set(E::ORIGIN_SESSION_ID, Some(self.session_id()).into());
    }

    /// Forgets deletions that were too many changes ago.
    async fn forget_deletions(&self, seq: i64) -> Result<()> {
        use tombstones::Column::Seq;

        let old =
            Query::<tombstones::Entity>::filter(Filter::lte(Seq, seq - MAX_CHANGES_SINCE_DELETION))
                .order_by(SortKey::column(Seq), Direction::Ascending)
                .limit(FORGOTTEN_PER_DELETION);
        if let Some(last) = self.find_all(old).await?.last() {
            let old = Filter::<tombstones::Entity>::lte(Seq, last.seq);
            self.delete_rows(old).await?;
        }
        Ok(())
    }
}

/// The tombstones of these ids.
fn deleted<E: Synced>(ids: Vec<E::Id>) -> Query<tombstones::Entity> {
    let of_kind = Filter::eq(tombstones::Column::Kind, E::KIND);
    Query::filter(of_kind.and(Filter::is_in(tombstones::Column::Id, ids)))
}

fn version<E: Synced>(row: &E::Model) -> Result<i32> {
    typed(row.get(E::VERSION))
}
