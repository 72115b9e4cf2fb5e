//! Each thing that a viewer is for, done as it is meant to be done.

use super::entity::{ActiveModel, Column, Entity, Model};
use crate::{
    error::Result,
    id::TaskId,
    scope::{Direction, Filter, Match, Query, Set, Side, SortKey, Viewer},
};

async fn read(viewer: &Viewer, id: TaskId) -> Result<(Vec<Model>, Option<Model>, u64)> {
    let urgent = Filter::any([
        Filter::like(Column::Title, "now", Match::Anywhere),
        Filter::is_null(Column::CompletedAt),
        Filter::exists_in(Column::Id, Column::Id, Filter::<Entity>::ne(Column::Id, id)),
    ]);
    let beyond = vec![(SortKey::column(Column::Id), id.into(), Side::Less)];
    let some = Query::filter(urgent)
        .and(Filter::beyond(beyond))
        .order_by(SortKey::column(Column::Id), Direction::Descending)
        .limit(10);
    let some = viewer.find_all::<Entity>(some).await?;
    let one = Query::<Entity>::filter(Filter::eq(Column::Id, id));
    let one = viewer.find_one(one).await?;
    Ok((some, one, viewer.count::<Entity>(Query::all()).await?))
}

async fn columns(viewer: &Viewer) -> Result<Vec<String>> {
    let titles = Query::<Entity>::all().columns([Column::Title]);
    viewer.select_columns(titles, |row| row.get(0)).await
}

async fn write(viewer: &Viewer, id: TaskId) -> Result<Vec<Model>> {
    viewer
        .transaction(|viewer| async move {
 let viewer = &viewer;
            let row = ActiveModel {
                id: Set(id),
                seq: Set(viewer.change_task().await?.seq()),
                updated_at: Set(viewer.now()),
                origin_session_id: Set(Some(viewer.session_id())),
                ..Default::default()
            };
            let stored: Model = viewer.insert(row).await?;
            let mut changes = ActiveModel::from(stored);
            changes.title = Set("another".to_owned());
            viewer.update(changes, Filter::eq(Column::Id, id)).await?;
            viewer.delete::<Entity>(Filter::eq(Column::Id, id)).await
        })
        .await
}

async fn write_many(viewer: &Viewer, rows: Vec<ActiveModel>) -> Result<()> {
    viewer
        .transaction(|viewer| async move {
 let viewer = &viewer;
            viewer.take_seqs(rows.len()).await?;
            viewer.insert_all(rows.clone()).await?;
            viewer.rewrite(rows, &[Column::Title]).await
        })
        .await
}
