//! Personal access tokens: sessions that a secret opens, and that may do less.

use sea_orm_migration::prelude::*;

use crate::run;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000006_access_tokens"
    }
}

/// Every session that is there was opened by signing in, and may do everything.
fn columns() -> [ColumnDef; 3] {
    let mut kind = ColumnDef::new("kind");
    kind.text().not_null().default("sign_in");
    let mut scope = ColumnDef::new("scope");
    scope.text().not_null().default("write");
    let mut secret_digest = ColumnDef::new("secret_digest");
    secret_digest.binary_len(32);
    [kind, scope, secret_digest]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            let add = Table::alter()
                .table("sessions")
                .add_column(column)
                .to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // What only a secret opens is nothing without it.
        run(
            manager,
            &["DELETE FROM sessions WHERE kind = 'access_token'"],
        )
        .await?;
        for column in columns() {
            let drop = Table::alter()
                .table("sessions")
                .drop_column(column.get_column_name())
                .to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}
