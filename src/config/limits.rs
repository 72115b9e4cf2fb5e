//! The limits on what one document may ask, on what an account may hold, and on how much there may be at once.

use clap::Args;

use super::values::whole_number;

/// What a document may be and ask for. Each limit has its own error code, and is in
/// `service.limits`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits of a document")]
pub struct DocumentLimits {
    /// How large a document may be, in bytes
    #[arg(
        long,
        env = "CUBBY_MAX_DOCUMENT_BYTES",
        value_name = "BYTES",
        default_value_t = 32 * 1024,
        value_parser = whole_number(1..=262_144),
        global = true
    )]
    pub max_document_bytes: u32,

    /// How many tokens a document may have
    #[arg(
        long,
        env = "CUBBY_MAX_TOKENS",
        value_name = "COUNT",
        default_value_t = 5_000,
        value_parser = whole_number(1..=100_000),
        global = true
    )]
    pub max_tokens: u32,

    /// How deep fields may lie within each other
    #[arg(
        long,
        env = "CUBBY_MAX_DEPTH",
        value_name = "LEVELS",
        default_value_t = 16,
        value_parser = whole_number(1..=32),
        global = true
    )]
    pub max_depth: u32,

    /// How many fields a document may ask for, those of a fragment counted wherever it is spread
    #[arg(
        long,
        env = "CUBBY_MAX_FIELDS",
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = whole_number(1..=10_000),
        global = true
    )]
    pub max_fields: u32,

    /// How many of these fields may have an alias
    #[arg(
        long,
        env = "CUBBY_MAX_ALIASES",
        value_name = "COUNT",
        default_value_t = 30,
        value_parser = whole_number(0..=10_000),
        global = true
    )]
    pub max_aliases: u32,

    /// How many directives a document may have, those of a fragment counted wherever it is spread
    #[arg(
        long,
        env = "CUBBY_MAX_DIRECTIVES",
        value_name = "COUNT",
        default_value_t = 50,
        value_parser = whole_number(0..=10_000),
        global = true
    )]
    pub max_directives: u32,

    /// How many operations a document may define; as many fragments; and each operation as many
    /// variables
    #[arg(
        long,
        env = "CUBBY_MAX_DEFINITIONS",
        value_name = "COUNT",
        default_value_t = 50,
        value_parser = whole_number(1..=1_000),
        global = true
    )]
    pub max_definitions: u32,

    /// How many fields an operation may have at its root
    #[arg(
        long,
        env = "CUBBY_MAX_ROOT_FIELDS",
        value_name = "COUNT",
        default_value_t = 20,
        value_parser = whole_number(1..=1_000),
        global = true
    )]
    pub max_root_fields: u32,

    /// How deep the lists of introspection may lie within each other
    #[arg(
        long,
        env = "CUBBY_MAX_INTROSPECTION_LISTS",
        value_name = "LEVELS",
        default_value_t = 2,
        value_parser = whole_number(1..=8),
        global = true
    )]
    pub max_introspection_lists: u32,

    /// What an operation may cost, in points: an object costs 1, a page what its tasks cost, a
    /// mutation 10, one that takes credentials 50
    #[arg(
        long,
        env = "CUBBY_MAX_COST",
        value_name = "POINTS",
        default_value_t = 1_000,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_cost: u32,
}

/// How much an account may hold.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits of an account")]
pub struct AccountLimits {
    /// The maximum number of tasks of one person; creating or importing more is refused
    #[arg(
        long,
        env = "CUBBY_MAX_TASKS",
        value_name = "COUNT",
        default_value_t = 200_000,
        value_parser = whole_number(1..=100_000_000),
        global = true
    )]
    pub max_tasks: u32,
}

/// How much an instance does at once.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits of connections")]
pub struct ConnectionLimits {
    /// How many connections one instance holds; one more is told 503 and closed
    #[arg(
        long,
        env = "CUBBY_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 2_000,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_connections: u32,

    /// How many requests one instance works on at once, from when they have arrived; one more is
    /// answered with 503
    #[arg(
        long,
        env = "CUBBY_MAX_REQUESTS",
        value_name = "COUNT",
        default_value_t = 500,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_requests: u32,

    /// How many streams one instance keeps open: WebSockets, server-sent events and multipart
    /// subscriptions
    #[arg(
        long,
        env = "CUBBY_MAX_STREAMS",
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_streams: u32,

    /// How many streams of one person an instance keeps open
    #[arg(
        long,
        env = "CUBBY_MAX_STREAMS_PER_VIEWER",
        value_name = "COUNT",
        default_value_t = 20,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_streams_per_viewer: u32,

    /// How many streams of one network that is not signed in an instance keeps open: of an IPv4 address, or of a
    /// /64 of IPv6. One more ends the oldest. Together they take at most half of all streams
    #[arg(
        long,
        env = "CUBBY_MAX_ANONYMOUS_STREAMS_PER_NETWORK",
        value_name = "COUNT",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        global = true
    )]
    pub max_anonymous_streams_per_network: u32,
}
