//! Moves email addresses and password hashes from `users` to tables of their own, so that a user can
//! have several addresses, and credentials of several kinds.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::tables::{big, create_owned, drop_tables, run, text, uuid};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261129_000002_credentials"
    }
}

/// Copies the addresses and the passwords. Each user has at most one of each, so the user's id is
/// unique as their id.
const COPY: [&str; 2] = [
    "INSERT INTO emails (user_id, id, address, normalized, verified_at, is_primary, created_at)
    SELECT id, id, email, email_normalized, NULL, TRUE, created_at FROM users WHERE email IS NOT NULL",
    "INSERT INTO credentials (user_id, id, kind, data, label, created_at, last_used_at)
    SELECT id, id, 'password', password_hash, NULL, created_at, NULL
    FROM users WHERE password_hash IS NOT NULL",
];

/// A value of the user's primary address, or the password's hash, as a sub-select.
macro_rules! former {
    (email) => {
        "(SELECT address FROM emails WHERE user_id = users.id AND is_primary)"
    };
    (email_normalized) => {
        "(SELECT normalized FROM emails WHERE user_id = users.id AND is_primary)"
    };
    (password_hash) => {
        "(SELECT data FROM credentials WHERE user_id = users.id AND kind = 'password')"
    };
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = vec![
            uuid("id"),
            text("address"),
            // The form in which addresses are compared. Null for the address of an external user, who
            // cannot be looked up by it.
            text("normalized").null().take(),
            big("verified_at").null().take(),
            ColumnDef::new("is_primary").boolean().not_null().take(),
            big("created_at"),
        ];
        create_owned(manager, "emails", &["id"], columns).await?;
        let columns = vec![
            uuid("id"),
            text("kind"),
            text("data"),
            text("label").null().take(),
            big("created_at"),
            big("last_used_at").null().take(),
        ];
        create_owned(manager, "credentials", &["id"], columns).await?;
        let indexes = [
            "CREATE UNIQUE INDEX emails_by_normalized ON emails (normalized)",
            "CREATE UNIQUE INDEX emails_primary ON emails (user_id) WHERE is_primary",
            "CREATE UNIQUE INDEX credentials_password ON credentials (user_id) WHERE kind = 'password'",
        ];
        run(manager, &indexes).await?;
        run(manager, &COPY).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            let drop = "ALTER TABLE users DROP COLUMN email, DROP COLUMN email_normalized,
                DROP COLUMN password_hash";
            return run(manager, &[drop]).await;
        }
        let copy =
            "INSERT INTO new_users SELECT id, name, time_zone, created_at, updated_at, disabled_at
            FROM users";
        // As before, for a client that deletes a user with foreign keys turned off; the address of the
        // deleted user is then free again.
        let trigger = "CREATE TRIGGER user_deleted AFTER DELETE ON users BEGIN
            DELETE FROM sessions WHERE user_id = OLD.id;
            DELETE FROM emails WHERE user_id = OLD.id;
            END";
        replace_users(manager, users_of_sqlite(), copy, trigger).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            let restore = [
                "ALTER TABLE users ADD COLUMN email text, ADD COLUMN email_normalized text UNIQUE,
                ADD COLUMN password_hash text",
                concat!(
                    "UPDATE users SET email = ",
                    former!(email),
                    ", email_normalized = ",
                    former!(email_normalized),
                    ", password_hash = ",
                    former!(password_hash)
                ),
            ];
            run(manager, &restore).await?;
        } else {
            let mut users = users_of_sqlite();
            users
                .col(text("email").null())
                .col(text("email_normalized").null().unique_key())
                .col(text("password_hash").null());
            let copy = concat!(
                "INSERT INTO new_users SELECT id, name, time_zone, created_at, updated_at, disabled_at, ",
                former!(email),
                ", ",
                former!(email_normalized),
                ", ",
                former!(password_hash),
                " FROM users"
            );
            let trigger = "CREATE TRIGGER user_deleted AFTER DELETE ON users
                BEGIN DELETE FROM sessions WHERE user_id = OLD.id; END";
            replace_users(manager, users, copy, trigger).await?;
        }
        drop_tables(manager, &["credentials", "emails"]).await
    }
}

fn users_of_sqlite() -> TableCreateStatement {
    Table::create()
        .table("new_users")
        .col(uuid("id").primary_key())
        .col(text("name").null())
        .col(text("time_zone"))
        .col(big("created_at"))
        .col(big("updated_at"))
        .col(big("disabled_at").null())
        .to_owned()
}

/// Replaces the table `users` of SQLite, which cannot drop a unique column, and its trigger. Foreign
/// keys must be turned off; those of other tables refer to the new table by its name.
async fn replace_users(
    manager: &SchemaManager<'_>,
    table: TableCreateStatement,
    copy: &str,
    trigger: &str,
) -> Result<(), DbErr> {
    manager.create_table(table).await?;
    let statements = [
        copy,
        "DROP TABLE users",
        "ALTER TABLE new_users RENAME TO users",
        trigger,
    ];
    run(manager, &statements).await
}
