//! Creates the tables of users, sessions, security events, known networks and external identities.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::tables::{big, create_owned, drop_tables, index_expiry, integer, run, text, uuid};

pub(super) async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("users")
                .col(uuid("id").primary_key())
                .col(text("email").null())
                // The normalized address, by which addresses are compared. Null for external users.
                .col(text("email_normalized").null().unique_key())
                .col(text("name").null())
                .col(text("time_zone"))
                .col(text("password_hash").null())
                .col(big("created_at"))
                .col(big("updated_at"))
                .col(big("disabled_at").null())
                .to_owned(),
        )
        .await?;
    sessions(manager).await?;
    security_events(manager).await?;
    // Rate limits distinguish networks from which a user has signed in before from unknown
    // networks.
    let columns = vec![text("network"), big("last_used_at")];
    create_owned(manager, "known_networks", &["network"], columns).await?;
    external_users(manager).await?;
    index_expiry(
        manager,
        &[
            ("sessions", "expires_at"),
            ("sessions", "idle_expires_at"),
            ("security_events", "at"),
            ("known_networks", "last_used_at"),
        ],
    )
    .await
}

pub(super) async fn down(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    drop_tables(
        manager,
        &[
            "identities",
            "external_subjects",
            "known_networks",
            "security_events",
        ],
    )
    .await?;
    if manager.get_database_backend() == DbBackend::Postgres {
        run(manager, &["DROP FUNCTION bound_security_events()"]).await?;
    } else {
        drop_tables(manager, &["session_ends"]).await?;
    }
    drop_tables(manager, &["sessions", "users"]).await
}

/// Creates the sessions. An ended session is stored until it would have expired, so that ending it
/// again succeeds.
async fn sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![
        uuid("id"),
        integer("generation"),
        big("rotated_at"),
        integer("confirmed_generation"),
        text("delivery"),
        text("label").null().take(),
        text("user_agent").null().take(),
        text("ip_address").null().take(),
        big("created_at"),
        big("last_active_at"),
        big("idle_expires_at"),
        big("expires_at"),
        big("ended_at").null().take(),
        text("kind"),
        text("scope"),
        ColumnDef::new("secret_digest").binary_len(32).take(),
    ];
    create_owned(manager, "sessions", &["id"], columns).await?;
    if manager.get_database_backend() == DbBackend::Sqlite {
        // PostgreSQL announces ended sessions by NOTIFY; SQLite counts them. The trigger also
        // deletes sessions if a client deletes a user with foreign keys turned off, as the
        // `sqlite3` command does.
        let statements = [
            "CREATE TABLE session_ends (id integer PRIMARY KEY CHECK (id = 1), count integer NOT NULL)",
            "INSERT INTO session_ends VALUES (1, 0)",
            "CREATE TRIGGER user_deleted AFTER DELETE ON users
            BEGIN DELETE FROM sessions WHERE user_id = OLD.id; END",
        ];
        run(manager, &statements).await?;
    }
    Ok(())
}

/// Deletes the user's events of the new event's kind beyond the newest 200, so that many events of
/// one kind do not displace other kinds.
macro_rules! bound {
    () => {
        "DELETE FROM security_events
        WHERE user_id = NEW.user_id AND kind = NEW.kind AND id <= (
            SELECT id FROM security_events WHERE user_id = NEW.user_id AND kind = NEW.kind
            ORDER BY id DESC LIMIT 1 OFFSET 200)"
    };
}

const BOUND_POSTGRESQL: [&str; 2] = [
    concat!(
        "CREATE FUNCTION bound_security_events() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ",
        bound!(),
        "; RETURN NULL; END $$"
    ),
    "CREATE TRIGGER security_events_bounded AFTER INSERT ON security_events FOR EACH ROW
    EXECUTE FUNCTION bound_security_events()",
];

const BOUND_SQLITE: [&str; 1] = [concat!(
    "CREATE TRIGGER security_events_bounded AFTER INSERT ON security_events BEGIN ",
    bound!(),
    "; END"
)];

async fn security_events(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![
        uuid("id"),
        text("kind"),
        big("at"),
        text("ip_address").null().take(),
        text("user_agent").null().take(),
    ];
    create_owned(manager, "security_events", &["id"], columns).await?;
    let statements: &[&str] = match manager.get_database_backend() {
        DbBackend::Postgres => &BOUND_POSTGRESQL,
        _ => &BOUND_SQLITE,
    };
    run(manager, statements).await
}

/// Creates the tables of external users. A token names an issuer and a subject, which
/// `external_subjects` maps to the user; all other rows of the user are owned as usual.
async fn external_users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("external_subjects")
                .col(text("issuer"))
                .col(text("subject"))
                // Null after the user has been deleted. The row stays, because their tokens may
                // still be valid.
                .col(uuid("user_id").null())
                // Tokens of a deleted user that were issued up to this time are rejected.
                .col(big("refused_until").null())
                .primary_key(Index::create().col("issuer").col("subject"))
                .foreign_key(
                    ForeignKey::create()
                        .name("external_subjects_user_id_fkey")
                        .from("external_subjects", "user_id")
                        .to("users", "id")
                        .on_delete(ForeignKeyAction::SetNull),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .name("external_subjects_by_user")
                .table("external_subjects")
                .col("user_id")
                .to_owned(),
        )
        .await?;
    let columns = vec![
        text("issuer"),
        text("subject"),
        // Not a foreign key: ended sessions are deleted earlier than identities.
        uuid("session_id"),
        big("created_at"),
        big("latest_future_iat").null().take(),
    ];
    create_owned(manager, "identities", &["issuer", "subject"], columns).await
}
