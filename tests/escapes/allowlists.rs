//! Lists words that only some source files may use. A new entry needs a review.

/// Words, each with the files and folders that may use it.
pub const WORDS: [(&str, &[&str]); 27] = [
    // Queries are written with `scope::Query` and `scope::Filter`.
    (
        "sea_orm",
        &[
            "src/db",
            "src/scope",
            "src/identity/unscoped",
            "src/identity/tests.rs",
            // Entities, and the types of their columns.
            "src/identity/entity",
            "src/tasks/entity.rs",
            "src/tasks/priority.rs",
            // Jobs, which belong to no user.
            "src/jobs",
            "src/clock.rs",
            "src/id.rs",
            // The error type of migrations.
            "src/server.rs",
        ],
    ),
    (
        "sea_query",
        &["src/db", "src/scope", "src/identity/unscoped"],
    ),
    ("sea_orm_migration", &[]),
    ("sqlx", &["src/db"]),
    ("rusqlite", &["src/db"]),
    ("migration", &["src/db"]),
    // The database, for code that creates viewers or runs before there is one.
    (
        "Database",
        &[
            "src/db",
            "src/scope",
            "src/identity",
            "src/cli",
            "src/config",
            "src/http/mod.rs",
            "src/jobs",
            "src/main.rs",
            "src/metrics.rs",
            "src/seed",
            "src/server.rs",
        ],
    ),
    // Unscoped queries.
    ("unscoped", &["src/identity", "src/db"]),
    // The constructors of viewers and of new owners.
    ("Grant", &["src/scope", "src/identity"]),
    ("new_user", &["src/scope", "src/identity"]),
    // `ValueType` could convert a database value to an owner.
    ("ValueType", &["src/scope", "src/db"]),
    // Writes of synced rows must take change numbers, and deletions must leave tombstones.
    (
        "Synced",
        &["src/scope", "src/tasks/synced.rs", "src/payload.rs"],
    ),
    ("tombstones", &["src/scope", "src/identity/unscoped"]),
    // A slice could read the SQLite file, or connect to PostgreSQL's socket.
    (
        "fs",
        &[
            "src/cli",
            "src/config/env_file.rs",
            "src/crypto",
            "src/mail/templates.rs",
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
    // A stored viewer could be used by another user's request.
    ("static", &["src/main.rs", "src/cli"]),
    ("thread_local", &[]),
    ("task_local", &[]),
    ("leak", &[]),
    // The scan does not see code that a macro assembles or that another file contains.
    (
        "macro_rules",
        &["src/id.rs", "src/input.rs", "src/graphql", "src/output"],
    ),
    ("include", &["src/http/graphiql.rs"]),
    ("cfg_attr", &["src/scope/filter.rs"]),
];

/// The traits that a table's file may implement. None of them names the table or runs a query.
pub const TABLE_TRAITS: [&str; 3] = ["ActiveModelBehavior", "KeyedByOwner", "Owned"];

/// The words that `#[sea_orm(...)]` may contain in a table's file. `column_name` is excluded
/// because it could name the owner's column, and several other words because they accept an
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

/// Every table with an entity: the file, the table, and the owner's column; `None` for a table that
/// viewers do not query.
pub const TABLES: [(&str, &str, Option<&str>); 17] = [
    (
        "src/identity/entity/challenges.rs",
        "challenges",
        Some("UserId"),
    ),
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
        "src/identity/entity/credentials.rs",
        "credentials",
        Some("UserId"),
    ),
    ("src/identity/entity/emails.rs", "emails", Some("UserId")),
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
    ("src/jobs/entity.rs", "jobs", None),
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
