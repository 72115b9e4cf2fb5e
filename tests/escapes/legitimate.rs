//! Each thing that a viewer is for, done as it is meant to be done.

use sea_orm::{ActiveValue::Set, Condition, QuerySelect, entity::prelude::*};

use super::entity::{ActiveModel, Column, Entity, Model};
use crate::{
    auth::Viewer,
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
                seq: Set(viewer.next_seq().await?),
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

mod lists {
    use sea_orm::entity::prelude::*;

    use crate::{
        auth::{Owned, Owner},
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
