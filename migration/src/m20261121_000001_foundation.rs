//! People, their sessions, their tasks, and the log that numbers every change to a task.
//!
//! Ids are UUIDs and moments are whole milliseconds since the Unix epoch, on both databases.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::belongs_to_user;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000001_foundation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();

        manager
            .create_table(
                Table::create()
                    .table("users")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("email").text().not_null())
                    .col(ColumnDef::new("email_key").text().not_null().unique_key())
                    .col(ColumnDef::new("name").text())
                    .col(ColumnDef::new("time_zone").text().not_null())
                    .col(ColumnDef::new("password_hash").text().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .to_owned(),
            )
            .await?;

        manager
            .create_table(
                Table::create()
                    .table("sessions")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(ColumnDef::new("generation").integer().not_null())
                    .col(ColumnDef::new("rotated_at").big_integer().not_null())
                    .col(ColumnDef::new("confirmed_generation").integer().not_null())
                    .col(ColumnDef::new("delivery").text().not_null())
                    .col(ColumnDef::new("label").text())
                    .col(ColumnDef::new("user_agent").text())
                    .col(ColumnDef::new("ip_address").text())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("last_active_at").big_integer().not_null())
                    .col(ColumnDef::new("idle_expires_at").big_integer().not_null())
                    .col(ColumnDef::new("expires_at").big_integer().not_null())
                    .foreign_key(&mut belongs_to_user("sessions"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("sessions_by_user")
                    .table("sessions")
                    .col("user_id")
                    .col("id")
                    .to_owned(),
            )
            .await?;

        manager
            .create_table(
                Table::create()
                    .table("task_logs")
                    .col(ColumnDef::new("user_id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("seq").big_integer().not_null())
                    .foreign_key(&mut belongs_to_user("task_logs"))
                    .to_owned(),
            )
            .await?;

        // SQLite keeps a `WITHOUT ROWID` table in the order of its primary key, so that one
        // person's rows lie together; it cannot alter a table into that later.
        let mut tasks = Table::create()
            .table("tasks")
            .col(ColumnDef::new("user_id").uuid().not_null())
            .col(ColumnDef::new("id").uuid().not_null())
            .col(ColumnDef::new("version").integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("origin_session_id").uuid())
            .col(ColumnDef::new("title").text().not_null())
            .col(text_by_bytes("title_key", backend))
            .col(ColumnDef::new("completed_at").big_integer())
            .col(ColumnDef::new("priority").small_integer().not_null())
            .col(ColumnDef::new("due_date").text())
            .col(ColumnDef::new("due_time").text())
            .col(ColumnDef::new("due_time_zone").text())
            .col(ColumnDef::new("due_at").big_integer())
            .col(ColumnDef::new("due_key").big_integer().not_null())
            .col(text_by_bytes("position", backend))
            .col(ColumnDef::new("updated_at").big_integer().not_null())
            .col(ColumnDef::new("description").text())
            .primary_key(Index::create().col("user_id").col("id"))
            .foreign_key(&mut belongs_to_user("tasks"))
            .to_owned();
        manager.create_table(clustered(&mut tasks, backend)).await?;
        manager
            .create_index(
                Index::create()
                    .name("tasks_by_position")
                    .table("tasks")
                    .col("user_id")
                    .col("position")
                    .col("id")
                    .to_owned(),
            )
            .await?;

        let mut deleted_tasks = Table::create()
            .table("deleted_tasks")
            .col(ColumnDef::new("user_id").uuid().not_null())
            .col(ColumnDef::new("id").uuid().not_null())
            .col(ColumnDef::new("version").integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("origin_session_id").uuid())
            .col(ColumnDef::new("deleted_at").big_integer().not_null())
            .primary_key(Index::create().col("user_id").col("id"))
            .foreign_key(&mut belongs_to_user("deleted_tasks"))
            .to_owned();
        manager
            .create_table(clustered(&mut deleted_tasks, backend))
            .await?;

        for table in ["tasks", "deleted_tasks"] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("{table}_by_seq"))
                        .table(table)
                        .col("user_id")
                        .col("seq")
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["deleted_tasks", "tasks", "task_logs", "sessions", "users"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

/// A text column that orders by its bytes, whatever the database's locale; SQLite does so anyway.
fn text_by_bytes(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name).text().not_null().to_owned();
    if backend == DbBackend::Postgres {
        column.extra(r#"COLLATE "C""#);
    }
    column
}

fn clustered(table: &mut TableCreateStatement, backend: DbBackend) -> TableCreateStatement {
    if backend == DbBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    table.take()
}
