//! Tasks, the log that numbers their changes, and what deletions leave.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use super::{big, create_owned, drop_tables, index_expiry, integer, run, text, uuid};

/// The columns that a list shows of a task, in each index that answers a list; the description may be long.
macro_rules! listed {
    ($($rest:literal)?) => {
        concat!(
            "version, title, completed_at, priority, due_date, due_time, due_time_zone, due_at",
            $(", ", $rest,)?
            ", updated_at"
        )
    };
}

/// The primary key is an index too, and covers its lists.
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

/// The table itself lies in the order of its key. Indexes have no columns beside their keys, so what a list shows
/// comes after what it is ordered by.
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
    // Each change of a user's tasks locks their row here, takes the next number and counts the tasks.
    let columns = vec![
        big("seq"),
        big("task_count"),
        // The session that changed the user's time zone, while tasks have yet to follow; and the last task that
        // was looked at.
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

    // Deleted rows of every kind that has a change log.
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
        // It has an entry only for those who are on their way.
        "CREATE INDEX change_logs_moving ON change_logs (user_id) WHERE moving_session_id IS NOT NULL",
    ];
    run(manager, &indexes).await
}

pub(super) async fn down(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    drop_tables(manager, &["tombstones", "tasks", "change_logs"]).await
}

/// A text column that orders by its bytes, whatever the database's locale; SQLite does so anyway.
fn text_by_bytes(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = text(name);
    if backend == DbBackend::Postgres {
        column.extra(r#"COLLATE "C""#);
    }
    column
}
