//! The history of the database's schema: append only, plain names, no imports from the application.

use sea_orm_migration::prelude::*;

mod m20261121_000001_foundation;
mod m20261121_000002_sessions;
mod m20261121_000003_signing_keys;
mod m20261121_000004_session_ends;
mod m20261121_000005_lists;
mod m20261122_000006_access_tokens;
mod m20261122_000007_outside_identities;
mod m20261128_000008_task_counts;
mod m20261128_000009_ascii_domains;
mod m20261128_000010_time_zone_moves;
mod m20261128_000011_row_bounds;

pub use sea_orm_migration::{MigrationStatus, MigratorTrait};

/// Every migration, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_foundation::Migration),
            Box::new(m20261121_000002_sessions::Migration),
            Box::new(m20261121_000003_signing_keys::Migration),
            Box::new(m20261121_000004_session_ends::Migration),
            Box::new(m20261121_000005_lists::Migration),
            Box::new(m20261122_000006_access_tokens::Migration),
            Box::new(m20261122_000007_outside_identities::Migration),
            Box::new(m20261128_000008_task_counts::Migration),
            Box::new(m20261128_000009_ascii_domains::Migration),
            Box::new(m20261128_000010_time_zone_moves::Migration),
            Box::new(m20261128_000011_row_bounds::Migration),
        ]
    }
}

/// Deleting a person deletes all that is theirs.
fn belongs_to_user(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("{table}_user_id_fkey"))
        .from(table, "user_id")
        .to("users", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

/// Runs plain SQL, one statement after the other.
async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}
