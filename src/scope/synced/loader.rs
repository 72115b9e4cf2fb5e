//! Batches loads: the fields of one selection that load rows of an entity share one statement.

use std::{collections::HashMap, sync::Arc};

use futures_util::{FutureExt, future::Shared};
use sea_orm::ModelTrait;
use tokio::sync::oneshot::{self, Receiver, Sender};

use super::entity::{Synced, typed};
use crate::{
    error::Result,
    scope::{filter::Filter, query::Query, viewer::Viewer},
};

type RowsById<E> = HashMap<<E as Synced>::Id, <E as sea_orm::EntityTrait>::Model>;

/// The ids of a batch, and the rows when they have been read.
struct Batch<E: Synced> {
    ids: Vec<E::Id>,
    rows: Shared<Receiver<Arc<RowsById<E>>>>,
}

/// The role of a load in its batch.
enum BatchState<E: Synced> {
    /// Reads the rows for the whole batch.
    Reader(Sender<Arc<RowsById<E>>>),
    /// Waits for the rows.
    Member(Shared<Receiver<Arc<RowsById<E>>>>),
}

impl Viewer {
    /// Returns the viewer's row with this id. Concurrent loads of one entity share a statement, unless
    /// the database is in the process.
    pub(crate) async fn load<E: Synced>(&self, id: E::Id) -> Result<Option<E::Model>> {
        if !self.0.connection.is_remote() {
            let query = Query::<E>::filter(Filter::eq(E::KEY, id));
            let rows = self.list(query, |row| row.model::<E>()).await?;
            return Ok(rows.into_iter().next());
        }
        let sender = match self.join_batch::<E>(id) {
            BatchState::Reader(sender) => sender,
            BatchState::Member(rows) => {
                return match rows.await {
                    Ok(rows) => Ok(rows.get(&id).cloned()),
                    // The reader failed. Each member reads its own row, and returns its own error.
                    Err(_) => Ok(self.find_by_ids::<E>(vec![id]).await?.remove(&id)),
                };
            }
        };
        // Lets the other fields of the selection join the batch.
        tokio::task::yield_now().await;
        let batch = self.0.batches.close::<E, Batch<E>>();
        let ids = batch.map_or_else(|| vec![id], |batch| batch.ids);
        let rows = Arc::new(self.find_by_ids::<E>(ids).await?);
        let row = rows.get(&id).cloned();
        // Fails if the batch has no other members.
        let _ = sender.send(rows);
        Ok(row)
    }

    fn join_batch<E: Synced>(&self, id: E::Id) -> BatchState<E> {
        let join = |batch: &mut Batch<E>| {
            batch.ids.push(id);
            BatchState::Member(batch.rows.clone())
        };
        let begin = || {
            let (sender, rows) = oneshot::channel();
            let rows = rows.shared();
            let ids = vec![id];
            (Batch::<E> { ids, rows }, BatchState::Reader(sender))
        };
        self.0.batches.join_or_begin::<E, _, _>(join, begin)
    }

    async fn find_by_ids<E: Synced>(&self, ids: Vec<E::Id>) -> Result<RowsById<E>> {
        let query = Query::<E>::filter(Filter::is_in(E::KEY, ids));
        let rows = self.list(query, |row| row.model::<E>()).await?;
        rows.into_iter()
            .map(|row| Ok((typed(row.get(E::KEY))?, row)))
            .collect()
    }
}
