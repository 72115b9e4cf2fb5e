//! Creates the first schema: users, sessions, tasks, change logs, and the server's own tables.
//!
//! On both databases, ids are UUIDs and times are whole milliseconds since the Unix epoch. The
//! primary key of each table of owned rows begins with the owner's id, so the tables can be sharded
//! by owner. Deleting a user deletes their rows.

mod identity;
mod server;
mod tasks;

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261129_000001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        identity::up(manager).await?;
        tasks::up(manager).await?;
        server::up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        server::down(manager).await?;
        tasks::down(manager).await?;
        identity::down(manager).await
    }
}
