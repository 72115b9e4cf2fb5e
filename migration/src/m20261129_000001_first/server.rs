//! Creates the tables of the server itself, whose rows have no owner.

use sea_orm_migration::prelude::*;

use crate::tables::{big, drop_tables, index_expiry, integer, text};

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // The id is a digest of an account and a network.
    manager
        .create_table(
            Table::create()
                .table("credential_attempts")
                .col(ColumnDef::new("id").binary_len(32).not_null().primary_key())
                .col(integer("count"))
                .col(big("window_ends_at"))
                .col(big("last_at"))
                .to_owned(),
        )
        .await?;
    index_expiry(manager, &[("credential_attempts", "window_ends_at")]).await?;
    // The keys that sign access tokens, encrypted with a key derived from the server's secret. The
    // unique number rejects one of two concurrent rotations.
    manager
        .create_table(
            Table::create()
                .table("signing_keys")
                .col(text("id").primary_key())
                .col(integer("number").unique_key())
                .col(text("algorithm"))
                .col(ColumnDef::new("sealed_private_key").binary().not_null())
                .col(big("created_at"))
                .col(big("active_from"))
                .col(big("expires_at").null())
                .to_owned(),
        )
        .await
}

pub(super) async fn down(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    drop_tables(manager, &["signing_keys", "credential_attempts"]).await
}
