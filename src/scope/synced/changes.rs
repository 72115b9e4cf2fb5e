//! Reads the changes of a user's synced rows since a number of their change log.

use sea_orm::{
    ColumnTrait, ModelTrait,
    sea_query::{Expr, SelectStatement},
};

use super::{
    entity::{Synced, typed},
    tombstones,
};
use crate::{
    clock::Timestamp,
    db::Row,
    error::Result,
    id::SessionId,
    scope::{
        change_log::entity as change_logs,
        filter::Filter,
        owner::Owned,
        query::{Column, Direction, Query},
        sort_key::SortKey,
        viewer::Viewer,
    },
};

/// The maximum number of rows read at once from one table, which bounds the memory for a slow
/// client.
const BATCH_SIZE: u64 = 100;

/// The current state of a changed row, or its deletion. A row that has changed several times has
/// one `Change`.
pub(crate) struct Change<N> {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) version: i32,
    pub(crate) at: Timestamp,
    pub(crate) origin_session_id: Option<SessionId>,
    /// The row, or `None` if it has been deleted.
    pub(crate) node: Option<N>,
}

/// The next changes after a change number, collected from each synced entity.
pub(crate) struct ChangeBatch<'a, N> {
    viewer: &'a Viewer,
    after: i64,
    /// The number of the last change when the batch began.
    last: i64,
    /// The change number up to which the batch is complete.
    complete_to: i64,
    deleted: Vec<tombstones::Model>,
    changes: Vec<Change<N>>,
}

/// The changes of a batch.
pub(crate) struct ReadChanges<N> {
    pub(crate) changes: Vec<Change<N>>,
    /// The highest number up to which no change is missing.
    pub(crate) complete_to: i64,
    /// True if no further changes were committed when the batch began.
    pub(crate) is_last: bool,
}

impl Viewer {
    /// Begins to read the changes after `seq`.
    pub(crate) async fn changes_since<N>(&self, seq: i64) -> Result<ChangeBatch<'_, N>> {
        // Read before the tables: a change that is committed meanwhile has a higher number and
        // belongs to the next batch.
        let (last, has_deleted) = self.last_seq_and_deletions(seq).await?;
        let mut batch = ChangeBatch {
            viewer: self,
            after: seq,
            last,
            complete_to: last.max(seq),
            deleted: Vec::new(),
            changes: Vec::new(),
        };
        if has_deleted {
            batch.deleted = batch
                .read::<tombstones::Entity>(tombstones::Column::Seq)
                .await?;
        }
        Ok(batch)
    }

    /// Returns the number of the viewer's last change, and true if rows were deleted after `seq`.
    async fn last_seq_and_deletions(&self, seq: i64) -> Result<(i64, bool)> {
        let deleted = Filter::<tombstones::Entity>::gt(tombstones::Column::Seq, seq);
        let mut deleted = Query::filter(deleted).rows(self.user_id());
        deleted.expr(Expr::val(1));
        let mut select = SelectStatement::new();
        select
            .column(change_logs::Column::Seq)
            .expr(Expr::exists(deleted))
            .from(change_logs::Entity)
            .and_where(change_logs::Column::UserId.eq(self.user_id()));
        let read = |row: Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let last = self.read(&self.statement(&select), read).await?.pop();
        Ok(last.unwrap_or((0, false)))
    }
}

impl<N> ChangeBatch<'_, N> {
    /// Adds the changes of `E`, whose rows `node` converts.
    pub(crate) async fn add<E: Synced>(&mut self, node: impl Fn(E::Model) -> N) -> Result<()> {
        for row in self.read::<E>(E::SEQ).await? {
            let id: E::Id = typed(row.get(E::KEY))?;
            self.changes.push(Change {
                seq: typed(row.get(E::SEQ))?,
                id: id.to_string(),
                version: typed(row.get(E::VERSION))?,
                at: typed(row.get(E::UPDATED_AT))?,
                origin_session_id: typed(row.get(E::ORIGIN_SESSION_ID))?,
                node: Some(node(row)),
            });
        }
        for row in self.deleted.iter().filter(|row| row.kind == E::KIND) {
            let id: E::Id = typed(row.id.into())?;
            self.changes.push(Change {
                seq: row.seq,
                id: id.to_string(),
                version: row.version,
                at: row.deleted_at,
                origin_session_id: row.origin_session_id,
                node: None,
            });
        }
        Ok(())
    }

    /// Returns the changes in the order of their numbers.
    pub(crate) fn finish(mut self) -> ReadChanges<N> {
        self.changes.retain(|change| change.seq <= self.complete_to);
        self.changes.sort_by_key(|change| change.seq);
        ReadChanges {
            changes: self.changes,
            complete_to: self.complete_to,
            is_last: self.complete_to >= self.last,
        }
    }

    /// Reads the next rows of a table. After a full batch, more rows may follow, so the batch is
    /// complete only up to its last row.
    async fn read<E: Owned>(&mut self, column: Column<E>) -> Result<Vec<E::Model>> {
        if self.complete_to <= self.after {
            return Ok(Vec::new());
        }
        let range = Filter::gt(column, self.after).and(Filter::lte(column, self.complete_to));
        let rows = Query::<E>::filter(range)
            .order_by(SortKey::column(column), Direction::Ascending)
            .limit(BATCH_SIZE);
        let rows = self.viewer.find_all(rows).await?;
        if let Some(last) = rows.last().filter(|_| rows.len() as u64 == BATCH_SIZE) {
            self.complete_to = typed(last.get(column))?;
        }
        Ok(rows)
    }
}
