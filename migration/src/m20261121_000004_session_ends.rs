//! Triggers that announce the end of a session, whoever ends it: a request, a cascade, or somebody at
//! the database's prompt. On PostgreSQL they notify whoever listens, on SQLite they count.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::run;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000004_session_ends"
    }
}

/// The transaction's time, so that of several ends of one person's the database tells one. A session that is
/// to end sooner, or becomes somebody else's, may be over.
const POSTGRESQL: [&str; 3] = [
    "CREATE FUNCTION announce_session_end() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('cubby_session_ends',
            OLD.user_id::text || ' ' || (extract(epoch FROM now()) * 1000)::bigint);
        RETURN NULL;
    END $$",
    "CREATE TRIGGER session_ended
    AFTER UPDATE OF ended_at, expires_at, idle_expires_at, user_id, id ON sessions FOR EACH ROW
    WHEN (NEW.ended_at IS DISTINCT FROM OLD.ended_at
        OR NEW.expires_at < OLD.expires_at OR NEW.idle_expires_at < OLD.idle_expires_at
        OR NEW.user_id <> OLD.user_id OR NEW.id <> OLD.id)
    EXECUTE FUNCTION announce_session_end()",
    "CREATE TRIGGER session_deleted AFTER DELETE ON sessions FOR EACH ROW
    WHEN (OLD.ended_at IS NULL)
    EXECUTE FUNCTION announce_session_end()",
];

/// Whoever opens the file with the `sqlite3` command has no foreign keys unless they ask for them, so the
/// sessions of a person who is deleted are deleted here too.
const SQLITE: [&str; 5] = [
    "CREATE TABLE session_ends (id integer PRIMARY KEY CHECK (id = 1), count integer NOT NULL)",
    "INSERT INTO session_ends VALUES (1, 0)",
    "CREATE TRIGGER session_ended
    AFTER UPDATE OF ended_at, expires_at, idle_expires_at, user_id, id ON sessions
    WHEN NEW.ended_at IS NOT OLD.ended_at
        OR NEW.expires_at < OLD.expires_at OR NEW.idle_expires_at < OLD.idle_expires_at
        OR NEW.user_id <> OLD.user_id OR NEW.id <> OLD.id
    BEGIN UPDATE session_ends SET count = count + 1; END",
    "CREATE TRIGGER session_deleted AFTER DELETE ON sessions
    WHEN OLD.ended_at IS NULL
    BEGIN UPDATE session_ends SET count = count + 1; END",
    "CREATE TRIGGER user_deleted AFTER DELETE ON users
    BEGIN DELETE FROM sessions WHERE user_id = OLD.id; END",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &POSTGRESQL,
            _ => &SQLITE,
        };
        run(manager, statements).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements: &[&str] = match manager.get_database_backend() {
            DbBackend::Postgres => &[
                "DROP TRIGGER session_deleted ON sessions",
                "DROP TRIGGER session_ended ON sessions",
                "DROP FUNCTION announce_session_end()",
            ],
            _ => &[
                "DROP TRIGGER user_deleted",
                "DROP TRIGGER session_deleted",
                "DROP TRIGGER session_ended",
                "DROP TABLE session_ends",
            ],
        };
        run(manager, statements).await
    }
}
