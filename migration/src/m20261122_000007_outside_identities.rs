//! People whom another identity provider vouches for, and people who were shut out.

use sea_orm_migration::prelude::*;

use crate::belongs_to_user;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000007_outside_identities"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("users")
                    .add_column(ColumnDef::new("disabled_at").big_integer())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("identities")
                    .col(ColumnDef::new("issuer").text().not_null())
                    .col(ColumnDef::new("subject").text().not_null())
                    // Nothing once the person was removed: their tokens may live on.
                    .col(ColumnDef::new("user_id").uuid())
                    // It is no foreign key: a session that is long over is cleared away.
                    .col(ColumnDef::new("session_id").uuid().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("latest_at").big_integer())
                    .primary_key(Index::create().col("issuer").col("subject"))
                    .foreign_key(belongs_to_user("identities").on_delete(ForeignKeyAction::SetNull))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("identities_by_user")
                    .table("identities")
                    .col("user_id")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Nobody could sign in as them any more.
        let vouched_for = "DELETE FROM users WHERE id IN \
                           (SELECT user_id FROM identities WHERE user_id IS NOT NULL)";
        crate::run(manager, &[vouched_for]).await?;
        manager
            .drop_table(Table::drop().table("identities").to_owned())
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("users")
                    .drop_column("disabled_at")
                    .to_owned(),
            )
            .await
    }
}
