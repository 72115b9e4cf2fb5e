//! Uses each function of the viewer as intended.

use super::entity::{ActiveModel, Column, Entity, Model};
use crate::{
    error::Result,
    id::TaskId,
    scope::{
        Direction, Filter, LogEntry, Match, Query, Set, Side, SortKey, SyncError, Viewer,
    },
};

async fn read(viewer: &Viewer, id: TaskId) -> Result<(Vec<Model>, Option<Model>, u64)> {
    let urgent = Filter::any([
        Filter::like(Column::Title, "now", Match::Anywhere),
        Filter::is_null(Column::CompletedAt),
        Filter::exists_in(Column::Id, Column::Id, Filter::<Entity>::ne(Column::Id, id)),
    ]);
    let position = vec![(SortKey::column(Column::Id), id.into(), Side::Less)];
    let some = Query::filter(urgent)
        .and(Filter::seek(position))
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

async fn write(viewer: &Viewer, id: TaskId) -> std::result::Result<Model, SyncError<Model>> {
    let build = |_: Viewer, added: LogEntry| async move {
        Ok::<_, SyncError<Model>>(ActiveModel {
            position: Set(added.task_count.to_string()),
            ..Default::default()
        })
    };
    let change = |_: Viewer, task: Model, mut row: ActiveModel| async move {
        row.title = Set(format!("{} again", task.title));
        Ok::<_, SyncError<Model>>(row)
    };
    viewer.create_synced::<Entity, _, _>(Some(id), build).await?;
    let task = viewer.update_synced::<Entity, _, _>(id, None, change).await?;
    viewer.delete_synced::<Entity>(id, Some(task.version)).await?;
    Ok(task)
}

async fn write_many(viewer: &Viewer, rows: Vec<ActiveModel>) -> Result<()> {
    let rows = &rows;
    let write = |viewer: Viewer| async move {
        viewer.insert_synced::<Entity>(rows.clone()).await?;
        viewer.update_many_synced::<Entity>(rows.clone(), &[Column::Title]).await?;
        viewer.rewrite_derived::<Entity>(rows.clone(), &[Column::DueSort]).await
    };
    viewer.transaction(write).await
}
