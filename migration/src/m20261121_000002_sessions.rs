//! What happened to accounts, where they are signed in to from, and how often somebody guessed.

use sea_orm_migration::prelude::*;

use crate::belongs_to_user;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000002_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A session that was ended is remembered until it would have ended by itself, so that ending
        // it again is no error.
        manager
            .alter_table(
                Table::alter()
                    .table("sessions")
                    .add_column(ColumnDef::new("ended_at").big_integer())
                    .to_owned(),
            )
            .await?;

        manager
            .create_table(
                Table::create()
                    .table("security_events")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(ColumnDef::new("kind").text().not_null())
                    .col(ColumnDef::new("at").big_integer().not_null())
                    .col(ColumnDef::new("ip_address").text())
                    .col(ColumnDef::new("user_agent").text())
                    .foreign_key(&mut belongs_to_user("security_events"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("security_events_by_user")
                    .table("security_events")
                    .col("user_id")
                    .col("id")
                    .to_owned(),
            )
            .await?;

        // The networks that a person has signed in from: a stranger elsewhere cannot lock them out.
        manager
            .create_table(
                Table::create()
                    .table("known_networks")
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(ColumnDef::new("network").text().not_null())
                    .col(ColumnDef::new("last_used_at").big_integer().not_null())
                    .primary_key(Index::create().col("user_id").col("network"))
                    .foreign_key(&mut belongs_to_user("known_networks"))
                    .to_owned(),
            )
            .await?;

        // What is counted is a digest of who and where: nobody's, and nothing to read.
        manager
            .create_table(
                Table::create()
                    .table("credential_attempts")
                    .col(ColumnDef::new("id").binary_len(32).not_null().primary_key())
                    .col(ColumnDef::new("count").integer().not_null())
                    .col(ColumnDef::new("window_ends_at").big_integer().not_null())
                    .col(ColumnDef::new("last_at").big_integer().not_null())
                    .to_owned(),
            )
            .await?;

        // Rows that have ended are looked for by when they end.
        for (table, column) in [
            ("sessions", "expires_at"),
            ("sessions", "idle_expires_at"),
            ("security_events", "at"),
            ("credential_attempts", "window_ends_at"),
        ] {
            manager
                .create_index(
                    Index::create()
                        .name(format!("{table}_by_{column}"))
                        .table(table)
                        .col(column)
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["sessions_by_expires_at", "sessions_by_idle_expires_at"] {
            manager
                .drop_index(Index::drop().name(index).table("sessions").to_owned())
                .await?;
        }
        manager
            .alter_table(
                Table::alter()
                    .table("sessions")
                    .drop_column("ended_at")
                    .to_owned(),
            )
            .await?;
        for table in ["credential_attempts", "known_networks", "security_events"] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}
