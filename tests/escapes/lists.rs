//! What the sources hold on purpose, each with its place: a new entry is something to think about.

/// Every table that has an entity: the file, the table, and the column that says whose a row is;
/// nothing for a table that no viewer is asked for. An owner that is not `UserId` is a claim to
/// think about.
pub const TABLES: [(&str, &str, Option<&str>); 11] = [
    (
        "src/identity/entity/credential_attempts.rs",
        "credential_attempts",
        None,
    ),
    (
        "src/identity/entity/deleted_tasks.rs",
        "deleted_tasks",
        None,
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
    ("src/scope/change_log/entity.rs", "task_logs", None),
    ("src/tasks/entity.rs", "tasks", Some("UserId")),
    ("src/tasks/entity.rs", "deleted_tasks", Some("UserId")),
];

/// Every file that silences a lint, which lints, and why it needs to.
pub const SILENCED: [(&str, &[&str], &str); 30] = [
    (
        "src/cli/admin.rs",
        &["disallowed_methods"],
        "it opens the database for commands beside running instances",
    ),
    (
        "src/cli/backup.rs",
        &["print_stdout"],
        "it prints to the terminal",
    ),
    (
        "src/cli/doctor.rs",
        &["print_stdout", "disallowed_methods"],
        "it prints to the terminal, and opens the database to check it",
    ),
    (
        "src/cli/import.rs",
        &["print_stdout"],
        "it prints to the terminal",
    ),
    (
        "src/cli/keys.rs",
        &["print_stdout"],
        "it prints to the terminal",
    ),
    (
        "src/cli/migrate.rs",
        &["print_stdout", "disallowed_methods"],
        "it prints to the terminal, and opens the database to migrate it",
    ),
    (
        "src/cli/mod.rs",
        &["print_stderr"],
        "it prints to the terminal",
    ),
    (
        "src/cli/schema.rs",
        &["print_stdout"],
        "it prints to the terminal",
    ),
    (
        "src/cli/seed.rs",
        &["print_stdout", "print_stderr"],
        "it prints to the terminal",
    ),
    (
        "src/cli/serve.rs",
        &["print_stdout"],
        "it prints to the terminal",
    ),
    (
        "src/cli/settings.rs",
        &["print_stdout"],
        "it prints to the terminal",
    ),
    (
        "src/cli/user.rs",
        &["print_stdout", "print_stderr"],
        "it prints to the terminal",
    ),
    ("src/clock.rs", &["disallowed_methods"], "it reads the time"),
    (
        "src/db/connect.rs",
        &["disallowed_types"],
        "it makes the connections that src/db holds",
    ),
    (
        "src/db/connection.rs",
        &["disallowed_types"],
        "it wraps the driver's connections",
    ),
    (
        "src/db/mod.rs",
        &["disallowed_types", "disallowed_methods"],
        "it holds the connection; its tests open it",
    ),
    (
        "src/db/pool.rs",
        &["disallowed_types"],
        "its tests make the driver's options",
    ),
    (
        "src/db/pooler.rs",
        &["disallowed_types"],
        "it looks at connections before any query runs on them",
    ),
    (
        "src/db/reads.rs",
        &["disallowed_types"],
        "it runs the reads that the viewer scopes",
    ),
    (
        "src/db/session_end_listener.rs",
        &["disallowed_types"],
        "it listens to the database; what it hears are ids and moments",
    ),
    (
        "src/db/transaction.rs",
        &["disallowed_types"],
        "it runs the writes that the viewer scopes",
    ),
    ("src/id.rs", &["disallowed_methods"], "it makes the ids"),
    (
        "src/identity/tests.rs",
        &["disallowed_types", "disallowed_methods"],
        "it opens databases of its own",
    ),
    (
        "src/identity/unscoped/mod.rs",
        &["disallowed_methods"],
        "what must be known before there is a viewer",
    ),
    (
        "src/scope/change_log/mod.rs",
        &["disallowed_types", "disallowed_methods"],
        "it writes the viewer's own row of the log",
    ),
    (
        "src/scope/connection.rs",
        &["disallowed_types", "disallowed_methods"],
        "it runs the queries that the viewer has scoped",
    ),
    (
        "src/scope/transaction.rs",
        &["disallowed_types", "disallowed_methods"],
        "it begins the transactions in which the viewer writes",
    ),
    (
        "src/scope/viewer.rs",
        &["disallowed_types", "disallowed_methods"],
        "it runs the queries, and scopes them",
    ),
    (
        "src/server.rs",
        &["disallowed_methods"],
        "it opens the database for what makes viewers",
    ),
    (
        "src/tasks/graphql.rs",
        &["too_many_arguments"],
        "a list of the schema takes as many",
    ),
];

/// Words that only some files may say, or the files of a directory.
pub const WORDS: [(&str, &[&str]); 18] = [
    // The driver opens the database by many names.
    ("sqlx", &["src/db"]),
    // So does a file system, and what runs a program.
    (
        "fs",
        &[
            "src/identity/secret/mod.rs",
            "src/cli/import.rs",
            "src/cli/user.rs",
            "src/config/env_file.rs",
            "src/query_limits/trusted.rs",
            "src/private_file.rs",
        ],
    ),
    (
        "process",
        &[
            "src/identity/secret/mod.rs",
            "src/main.rs",
            "src/private_file.rs",
        ],
    ),
    // PostgreSQL listens to whoever speaks to it.
    (
        "TcpStream",
        &["src/cli/health.rs", "src/http/connections/mod.rs"],
    ),
    ("TcpSocket", &[]),
    // And what asks others.
    ("reqwest", &["src/identity/federation/fetch.rs"]),
    ("UnixStream", &[]),
    ("UnixSocket", &[]),
    // What reads options allows itself all of clippy's lints.
    ("clap", &["src/cli", "src/config"]),
    // Migrations change everybody's rows.
    ("migration", &["src/db"]),
    // A viewer put aside could be picked up by another's request.
    ("static", &["src/main.rs"]),
    ("thread_local", &[]),
    ("task_local", &[]),
    ("leak", &[]),
    // What is put together out of pieces is not what is read here.
    ("macro_rules", &["src/id.rs", "src/mutation.rs"]),
    // And the list of files that build.rs writes.
    ("include", &["src/http/graphiql.rs"]),
    // An owner out of a value; raw text for an identifier.
    ("ValueType", &[]),
    ("Iden", &[]),
];

/// The traits that are implemented by hand. None of them says whose rows a query reads.
pub const IMPLEMENTED: [&str; 30] = [
    "ActiveModelBehavior",
    "AsRef",
    "AsyncRead",
    "AsyncWrite",
    "Debug",
    "Default",
    "Deserialize",
    "Display",
    "Drop",
    "Error",
    "Extension",
    "ExtensionFactory",
    "From",
    "FromStr",
    "IntoResponse",
    "Iterator",
    "KeyedByOwner",
    "Listed",
    "Owned",
    "Read",
    "Resolve",
    "Row",
    "ScalarType",
    "Sink",
    "StaticType",
    "TryFromU64",
    "TypeName",
    "Visitor",
    "Weighter",
    "Write",
];

/// The files that implement what is in nobody else's gift.
pub const IMPLEMENTORS: [&str; 4] = [
    "src/scope/connection.rs",
    "src/scope/viewer.rs",
    "src/db/reads.rs",
    "src/db/transaction.rs",
];

/// What `#[sea_orm(...)]` may say. A column's other name could be the owner's; and several of the
/// rest take an expression, or a type's name that is written into the query.
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

/// What an attribute of the schema's may not say: each takes an expression, and the code that it
/// becomes part of allows itself all of clippy's lints.
pub const EXPRESSIONS: [&str; 6] = [
    "complexity",
    "default_with",
    "directive",
    "guard",
    "process_with",
    "validator",
];

/// What a build may leave out of the sources: clippy reads but one of the builds.
pub const CONDITIONS: [(&str, &[&str]); 5] = [
    ("test", &[]),
    // How a thread gives way to others.
    (
        "target_os = \"linux\"",
        &["src/identity/password/hasher.rs"],
    ),
    (
        "not ( target_os = \"linux\" )",
        &["src/identity/password/hasher.rs"],
    ),
    (
        "unix",
        &[
            "src/identity/secret/mod.rs",
            "src/cli/serve.rs",
            "src/private_file.rs",
        ],
    ),
    (
        "not ( unix )",
        &[
            "src/identity/secret/mod.rs",
            "src/cli/serve.rs",
            "src/private_file.rs",
        ],
    ),
];
