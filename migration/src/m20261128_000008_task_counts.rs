//! Stores each user's number of tasks in the row that every change of their tasks locks.

use sea_orm_migration::prelude::*;

use crate::run;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261128_000008_task_counts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = [
            "ALTER TABLE task_logs ADD COLUMN task_count bigint NOT NULL DEFAULT 0",
            "UPDATE task_logs SET task_count = \
             (SELECT COUNT(*) FROM tasks WHERE tasks.user_id = task_logs.user_id)",
        ];
        run(manager, &statements).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &["ALTER TABLE task_logs DROP COLUMN task_count"]).await
    }
}
