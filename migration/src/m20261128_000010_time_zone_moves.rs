//! Whose tasks follow their owner to another time zone right now, and how far that has come.

use sea_orm_migration::prelude::*;

use crate::run;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261128_000010_time_zone_moves"
    }
}

/// The session that changed the time zone, while tasks have yet to follow; and the last task that was
/// looked at.
const COLUMNS: [&str; 2] = ["moving_session_id", "moving_after"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let column = ColumnDef::new(column).uuid().to_owned();
            manager
                .alter_table(
                    Table::alter()
                        .table("task_logs")
                        .add_column(column)
                        .to_owned(),
                )
                .await?;
        }
        // It has an entry only for those who are on their way.
        let index = "CREATE INDEX task_logs_moving ON task_logs (user_id) \
                     WHERE moving_session_id IS NOT NULL";
        run(manager, &[index]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &["DROP INDEX task_logs_moving"]).await?;
        for column in COLUMNS {
            manager
                .alter_table(
                    Table::alter()
                        .table("task_logs")
                        .drop_column(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}
