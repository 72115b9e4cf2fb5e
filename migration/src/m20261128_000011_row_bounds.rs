//! Bounds the security events of an account, for each kind, and indexes deleted tasks by their time.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::run;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261128_000011_row_bounds"
    }
}

/// Removes those of the new event's kind and account beyond the newest 200. A flood of one kind displaces no
/// other.
macro_rules! bound {
    () => {
        "DELETE FROM security_events
        WHERE user_id = NEW.user_id AND kind = NEW.kind AND id <= (
            SELECT id FROM security_events WHERE user_id = NEW.user_id AND kind = NEW.kind
            ORDER BY id DESC LIMIT 1 OFFSET 200)"
    };
}

const POSTGRESQL: [&str; 2] = [
    concat!(
        "CREATE FUNCTION bound_security_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ",
        bound!(),
        "; RETURN NULL; END $$"
    ),
    "CREATE TRIGGER security_events_bounded AFTER INSERT ON security_events FOR EACH ROW
    EXECUTE FUNCTION bound_security_events()",
];

const SQLITE: [&str; 1] = [concat!(
    "CREATE TRIGGER security_events_bounded AFTER INSERT ON security_events BEGIN ",
    bound!(),
    "; END"
)];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &POSTGRESQL,
            _ => &SQLITE,
        };
        run(manager, statements).await?;
        let index = "CREATE INDEX deleted_tasks_by_deleted_at ON deleted_tasks (deleted_at)";
        run(manager, &[index]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &[
                "DROP TRIGGER security_events_bounded ON security_events",
                "DROP FUNCTION bound_security_events()",
            ],
            _ => &["DROP TRIGGER security_events_bounded"],
        };
        run(manager, statements).await?;
        run(manager, &["DROP INDEX deleted_tasks_by_deleted_at"]).await
    }
}
