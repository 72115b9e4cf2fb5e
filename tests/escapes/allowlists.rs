//! Words of the sources, each with the files that may say it: a new entry is something to think about.

/// Words that only these files may say, or the files of these folders.
pub const WORDS: [(&str, &[&str]); 26] = [
    // Queries are written with `scope::Query` and `scope::Filter`.
    (
        "sea_orm",
        &[
            "src/db",
            "src/scope",
            "src/identity/unscoped",
            "src/identity/tests.rs",
            // Tables, and the types of their columns.
            "src/identity/entity",
            "src/tasks/entity.rs",
            "src/tasks/priority.rs",
            "src/clock.rs",
            "src/id.rs",
            // The error of a migration.
            "src/server.rs",
        ],
    ),
    (
        "sea_query",
        &["src/db", "src/scope", "src/identity/unscoped"],
    ),
    ("sea_orm_migration", &[]),
    ("sqlx", &["src/db"]),
    ("migration", &["src/db"]),
    // The database itself, as far as those need it who make viewers, or ask before there is one.
    (
        "Database",
        &[
            "src/db",
            "src/scope",
            "src/identity",
            "src/cli",
            "src/config",
            "src/http/mod.rs",
            "src/main.rs",
            "src/metrics.rs",
            "src/seed",
            "src/server.rs",
        ],
    ),
    // Queries of any user's rows.
    ("unscoped", &["src/identity", "src/db"]),
    // The makers of viewers and of new owners.
    ("Grant", &["src/scope", "src/identity"]),
    ("mint", &["src/scope", "src/identity"]),
    // A value of the database's could be made an owner.
    ("ValueType", &["src/scope"]),
    // What writes synced rows takes numbers, and what deletes them leaves tombstones.
    (
        "Synced",
        &["src/scope", "src/tasks/synced.rs", "src/payload.rs"],
    ),
    ("tombstones", &["src/scope", "src/identity/unscoped"]),
    // The database is a file, and PostgreSQL listens to sockets.
    (
        "fs",
        &[
            "src/cli",
            "src/config/env_file.rs",
            "src/crypto",
            "src/private_file.rs",
            "src/query_limits/trusted.rs",
        ],
    ),
    (
        "process",
        &[
            "src/cli",
            "src/crypto",
            "src/main.rs",
            "src/private_file.rs",
        ],
    ),
    (
        "TcpStream",
        &["src/cli/health.rs", "src/http/connections.rs"],
    ),
    ("TcpSocket", &[]),
    ("UnixStream", &[]),
    ("UnixSocket", &[]),
    ("reqwest", &["src/identity/federation/jwks_fetcher.rs"]),
    // A viewer put aside could be picked up by another user's request.
    ("static", &["src/main.rs", "src/cli"]),
    ("thread_local", &[]),
    ("task_local", &[]),
    ("leak", &[]),
    // Text that is put together elsewhere is not read here.
    ("macro_rules", &["src/id.rs", "src/input.rs", "src/graphql"]),
    ("include", &["src/http/graphiql.rs"]),
    ("cfg_attr", &["src/scope/filter.rs"]),
];

/// The traits that the file of a table implements: nothing that says which table it is, or runs a query.
pub const TABLE_TRAITS: [&str; 3] = ["ActiveModelBehavior", "KeyedByOwner", "Owned"];

/// What `#[sea_orm(...)]` may say in them. A column's other name could be the owner's, and several of the rest take an
/// expression.
pub const SEA_ORM: [&str; 9] = [
    "auto_increment",
    "db_type",
    "false",
    "num_value",
    "primary_key",
    "rs_type",
    "string_value",
    "table_name",
    "true",
];

/// Every table with an entity: the file, the table, and the column of the owner; nothing for a table that no viewer is
/// asked for.
pub const TABLES: [(&str, &str, Option<&str>); 13] = [
    (
        "src/identity/entity/credential_attempts.rs",
        "credential_attempts",
        None,
    ),
    (
        "src/identity/entity/external_subjects.rs",
        "external_subjects",
        Some("UserId"),
    ),
    (
        "src/identity/entity/identities.rs",
        "identities",
        Some("UserId"),
    ),
    (
        "src/identity/entity/known_networks.rs",
        "known_networks",
        Some("UserId"),
    ),
    (
        "src/identity/entity/security_events.rs",
        "security_events",
        Some("UserId"),
    ),
    (
        "src/identity/entity/sessions.rs",
        "sessions",
        Some("UserId"),
    ),
    ("src/identity/entity/signing_keys.rs", "signing_keys", None),
    ("src/identity/entity/users.rs", "users", Some("Id")),
    ("src/scope/change_log/entity.rs", "change_logs", None),
    ("src/scope/synced/tests.rs", "labels", Some("UserId")),
    ("src/scope/synced/tests.rs", "notes", Some("UserId")),
    (
        "src/scope/synced/tombstones.rs",
        "tombstones",
        Some("UserId"),
    ),
    ("src/tasks/entity.rs", "tasks", Some("UserId")),
];
