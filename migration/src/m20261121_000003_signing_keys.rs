//! The keys that access tokens are signed with, each sealed with a key of the server's secret.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000003_signing_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No two rotations can take the same number: of two at once, one is refused.
        manager
            .create_table(
                Table::create()
                    .table("signing_keys")
                    .col(ColumnDef::new("id").text().not_null().primary_key())
                    .col(ColumnDef::new("number").integer().not_null().unique_key())
                    .col(ColumnDef::new("algorithm").text().not_null())
                    .col(ColumnDef::new("sealed_private_key").binary().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("active_from").big_integer().not_null())
                    .col(ColumnDef::new("expires_at").big_integer())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("signing_keys").to_owned())
            .await
    }
}
