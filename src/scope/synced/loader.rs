//! Batch loaders: rows that the fields of one selection ask for one by one are read by one statement.

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

/// The ids of a batch, and the rows once they are read.
struct Batch<E: Synced> {
    ids: Vec<E::Id>,
    rows: Shared<Receiver<Arc<RowsById<E>>>>,
}

/// The part of a load in its batch.
enum Part<E: Synced> {
    /// Reads the rows for all.
    Reader(Sender<Arc<RowsById<E>>>),
    Member(Shared<Receiver<Arc<RowsById<E>>>>),
}

impl Viewer {
    /// Returns the viewer's row with this id. The fields of a selection that load rows of one entity share a statement.
    pub(crate) async fn load<E: Synced>(&self, id: E::Id) -> Result<Option<E::Model>> {
        let sender = match self.join_batch::<E>(id) {
            Part::Reader(sender) => sender,
            Part::Member(rows) => {
                return match rows.await {
                    Ok(rows) => Ok(rows.get(&id).cloned()),
                    // The reader failed. Each member asks for its own row, and gets an error of its own.
                    Err(_) => Ok(self.find_by_ids::<E>(vec![id]).await?.remove(&id)),
                };
            }
        };
        // The other fields of the selection join meanwhile.
        tokio::task::yield_now().await;
        let batch = self.0.batches.close::<E, Batch<E>>();
        let ids = batch.map_or_else(|| vec![id], |batch| batch.ids);
        let rows = Arc::new(self.find_by_ids::<E>(ids).await?);
        let row = rows.get(&id).cloned();
        // Without members nobody receives it.
        let _ = sender.send(rows);
        Ok(row)
    }

    fn join_batch<E: Synced>(&self, id: E::Id) -> Part<E> {
        let join = |batch: &mut Batch<E>| {
            batch.ids.push(id);
            Part::Member(batch.rows.clone())
        };
        let begin = || {
            let (sender, rows) = oneshot::channel();
            let rows = rows.shared();
            let ids = vec![id];
            (Batch::<E> { ids, rows }, Part::Reader(sender))
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
