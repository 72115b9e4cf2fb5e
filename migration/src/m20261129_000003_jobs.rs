//! Creates the tables of jobs, which belong to no user, and of challenges, which users answer with a
//! token that they receive by mail.

use sea_orm_migration::prelude::*;

use crate::tables::{big, create_owned, drop_tables, index_expiry, integer, text, uuid};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261129_000003_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("jobs")
                    .col(uuid("id").primary_key())
                    .col(text("kind"))
                    // Encrypted: mails contain tokens.
                    .col(ColumnDef::new("sealed_payload").binary().not_null())
                    .col(big("created_at"))
                    .col(big("run_at"))
                    .col(integer("attempts"))
                    .to_owned(),
            )
            .await?;
        let columns = vec![
            uuid("id"),
            text("kind"),
            ColumnDef::new("secret_digest")
                .binary_len(32)
                .not_null()
                .take(),
            // The address that the token was sent to.
            uuid("email_id"),
            big("created_at"),
            big("expires_at"),
        ];
        create_owned(manager, "challenges", &["id"], columns).await?;
        index_expiry(manager, &[("jobs", "run_at"), ("challenges", "expires_at")]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &["challenges", "jobs"]).await
    }
}
