//! Creates the tables of tasks, change logs and tombstones.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::tables::{big, create_owned, drop_tables, index_expiry, integer, run, text, uuid};

/// The task columns that lists read, included in each index so that it covers the list. The
/// description is omitted, because it may be long.
macro_rules! listed {
    ($($rest:literal)?) => {
        concat!(
            "version, title, completed_at, priority, due_date, due_time, due_time_zone, due_at",
            $(", ", $rest,)?
            ", updated_at"
        )
    };
}

/// The indexes of PostgreSQL. The primary key also covers lists by id.
const INDEXES_POSTGRESQL: [&str; 4] = [
    concat!(
        "CREATE INDEX tasks_by_position ON tasks (user_id, position, id) INCLUDE (",
        listed!(),
        ")"
    ),
    concat!(
        "CREATE INDEX tasks_by_due ON tasks (user_id, due_sort, id) INCLUDE (",
        listed!("position"),
        ")"
    ),
    "ALTER TABLE tasks DROP CONSTRAINT tasks_pkey",
    concat!(
        "ALTER TABLE tasks ADD CONSTRAINT tasks_pkey PRIMARY KEY (user_id, id) INCLUDE (",
        listed!("position"),
        ")"
    ),
];

/// The indexes of SQLite, where the table itself is stored in the order of its primary key. SQLite
/// has no `INCLUDE`, so the columns that lists read follow the sort keys.
const INDEXES_SQLITE: [&str; 2] = [
    concat!(
        "CREATE INDEX tasks_by_position ON tasks (user_id, position, id, ",
        listed!(),
        ")"
    ),
    concat!(
        "CREATE INDEX tasks_by_due ON tasks (user_id, due_sort, id, ",
        listed!("position"),
        ")"
    ),
];

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    // Each change of a user's tasks locks the user's row, takes the next change number and updates
    // the number of tasks.
    let columns = vec![
        big("seq"),
        big("task_count"),
        // While floating due times are being rescheduled to a new time zone: the session that
        // changed the time zone, and the last task that has been processed.
        uuid("moving_session_id").null().take(),
        uuid("moving_after").null().take(),
    ];
    create_owned(manager, "change_logs", &[], columns).await?;

    let columns = vec![
        uuid("id"),
        integer("version"),
        big("seq"),
        uuid("origin_session_id").null().take(),
        text("title"),
        text_by_bytes("title_folded", backend),
        big("completed_at").null().take(),
        ColumnDef::new("priority").small_integer().not_null().take(),
        text("due_date").null().take(),
        text("due_time").null().take(),
        text("due_time_zone").null().take(),
        big("due_at").null().take(),
        big("due_sort"),
        text_by_bytes("position", backend),
        big("updated_at"),
        text("description").null().take(),
    ];
    create_owned(manager, "tasks", &["id"], columns).await?;
    let indexes: &[&str] = match backend {
        DbBackend::Postgres => &INDEXES_POSTGRESQL,
        _ => &INDEXES_SQLITE,
    };
    run(manager, indexes).await?;

    // Tombstones of all synced entities.
    let columns = vec![
        text("kind"),
        uuid("id"),
        integer("version"),
        big("seq"),
        uuid("origin_session_id").null().take(),
        big("deleted_at"),
    ];
    create_owned(manager, "tombstones", &["kind", "id"], columns).await?;
    index_expiry(manager, &[("tombstones", "deleted_at")]).await?;
    let indexes = [
        "CREATE INDEX tasks_by_seq ON tasks (user_id, seq)",
        "CREATE INDEX tombstones_by_seq ON tombstones (user_id, seq)",
        // A partial index: only users whose floating due times are being rescheduled have an entry.
        "CREATE INDEX change_logs_moving ON change_logs (user_id) WHERE moving_session_id IS NOT NULL",
    ];
    run(manager, &indexes).await
}

pub(super) async fn down(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    drop_tables(manager, &["tombstones", "tasks", "change_logs"]).await
}

/// A text column that sorts by bytes, independent of the database's locale. SQLite sorts by bytes
/// by default.
fn text_by_bytes(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = text(name);
    if backend == DbBackend::Postgres {
        column.extra(r#"COLLATE "C""#);
    }
    column
}
