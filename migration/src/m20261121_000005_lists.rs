//! Lists answered from one index each: by position, by when they are due, and by id, which says when they
//! were made. Beside what it orders by, each holds what a list shows of a task; what is left out is the
//! description, which may be long.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::run;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000005_lists"
    }
}

/// The primary key is an index too.
const POSTGRESQL: [&str; 5] = [
    "DROP INDEX tasks_by_position",
    "CREATE INDEX tasks_by_position ON tasks (user_id, position, id) INCLUDE (version, title, \
     completed_at, priority, due_date, due_time, due_time_zone, due_at, updated_at)",
    "CREATE INDEX tasks_by_due ON tasks (user_id, due_key, id) INCLUDE (version, title, completed_at, \
     priority, due_date, due_time, due_time_zone, due_at, position, updated_at)",
    "ALTER TABLE tasks DROP CONSTRAINT tasks_pkey",
    "ALTER TABLE tasks ADD CONSTRAINT tasks_pkey PRIMARY KEY (user_id, id) INCLUDE (version, title, \
     completed_at, priority, due_date, due_time, due_time_zone, due_at, position, updated_at)",
];

/// The table itself lies in the order of its key. The others have no columns beside their keys, so what
/// they show comes after what they order by.
const SQLITE: [&str; 3] = [
    "DROP INDEX tasks_by_position",
    "CREATE INDEX tasks_by_position ON tasks (user_id, position, id, version, title, completed_at, \
     priority, due_date, due_time, due_time_zone, due_at, updated_at)",
    "CREATE INDEX tasks_by_due ON tasks (user_id, due_key, id, version, title, completed_at, priority, \
     due_date, due_time, due_time_zone, due_at, position, updated_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &POSTGRESQL,
            _ => &SQLITE,
        };
        run(manager, statements).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let common = [
            "DROP INDEX tasks_by_due",
            "DROP INDEX tasks_by_position",
            "CREATE INDEX tasks_by_position ON tasks (user_id, position, id)",
        ];
        run(manager, &common).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            let key = [
                "ALTER TABLE tasks DROP CONSTRAINT tasks_pkey",
                "ALTER TABLE tasks ADD CONSTRAINT tasks_pkey PRIMARY KEY (user_id, id)",
            ];
            run(manager, &key).await?;
        }
        Ok(())
    }
}
