//! Each thing that a viewer is for, done as it is meant to be done.

use sea_orm::{ActiveValue::Set, Condition, FromQueryResult, QuerySelect, entity::prelude::*};

use super::entity::{ActiveModel, Column, Entity, Model};
use crate::{
    scope::Viewer,
    error::Result,
    id::TaskId,
};

async fn read(viewer: &Viewer, id: TaskId) -> Result<(Vec<Model>, Option<Model>, u64)> {
    let urgent = Condition::any()
        .add(Column::Title.contains("now"))
        .add(Column::CompletedAt.is_null());
    let some = viewer
        .all(Entity::find().filter(urgent).limit(10))
        .await?;
    let one = viewer.one(Entity::find().filter(Column::Id.eq(id))).await?;
    Ok((some, one, viewer.count(Entity::find()).await?))
}

async fn write(viewer: &Viewer, id: TaskId) -> Result<Vec<Model>> {
    viewer
        .atomically(async |viewer| {
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
            viewer.update(changes, Column::Id.eq(id)).await?;
            viewer.delete::<Entity>(Column::Id.eq(id)).await
        })
        .await
}

/// Of rows what is read of them; and of all of them together.
async fn columns(viewer: &Viewer) -> Result<(Vec<String>, Option<Longest>)> {
    let titles = Entity::find().select_only().column(Column::Title);
    let titles = viewer.read(titles, |row| row.try_get_by_index(0)).await?;
    let longest = Entity::find()
        .select_only()
        .column_as(Column::Title.max(), "title");
    Ok((titles, viewer.summary(longest).await?))
}

#[derive(FromQueryResult)]
struct Longest {
    title: Option<String>,
}

async fn write_many(viewer: &Viewer, rows: Vec<ActiveModel>) -> Result<()> {
    viewer
        .atomically(async |viewer| {
            viewer.take_seqs(rows.len()).await?;
            viewer.insert_all(rows.clone()).await?;
            viewer.rewrite(rows, &[Column::Title]).await
        })
        .await
}

mod lists {
    use sea_orm::entity::prelude::*;

    use crate::{
        scope::{Owned, Owner},
        id::TaskId,
    };

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "lists")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Owner,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TaskId,
        pub title: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    impl Owned for Entity {
        const OWNER: Column = Column::UserId;
    }
}

async fn another_table(viewer: &Viewer) -> Result<Vec<lists::Model>> {
    viewer.all(lists::Entity::find()).await
}
