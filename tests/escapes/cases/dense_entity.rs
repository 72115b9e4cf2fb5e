//! Refused by clippy::disallowed_types: the dense format makes loaders that go around the viewer.

mod list {
    use sea_orm::entity::prelude::*;

    use crate::{scope::Owner, id::TaskId};

    #[sea_orm::model] //~
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "lists")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TaskId,
        pub user_id: Owner,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
