//! The settings that limit documents, accounts and concurrent work.

use clap::Args;

use super::values::whole_number;

/// The limits of one document. Each has its own error code, and clients read them in
/// `service.limits`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits of a document")]
pub struct DocumentLimits {
    /// The maximum size of a document, in bytes, 1 to 262144
    #[arg(
        long,
        env = "CUBBY_MAX_DOCUMENT_BYTES",
        value_name = "BYTES",
        default_value_t = 32 * 1024,
        value_parser = whole_number(1..=262_144),
        global = true
    )]
    pub max_document_bytes: u32,

    /// The maximum number of tokens of a document, 1 to 100000
    #[arg(
        long,
        env = "CUBBY_MAX_TOKENS",
        value_name = "COUNT",
        default_value_t = 5_000,
        value_parser = whole_number(1..=100_000),
        global = true
    )]
    pub max_tokens: u32,

    /// The maximum depth of nested fields, 1 to 32
    #[arg(
        long,
        env = "CUBBY_MAX_DEPTH",
        value_name = "LEVELS",
        default_value_t = 16,
        value_parser = whole_number(1..=32),
        global = true
    )]
    pub max_depth: u32,

    /// The maximum number of fields of a document, 1 to 10000. Fields of a fragment count at each spread
    #[arg(
        long,
        env = "CUBBY_MAX_FIELDS",
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = whole_number(1..=10_000),
        global = true
    )]
    pub max_fields: u32,

    /// The maximum number of fields with an alias, 0 to 10000
    #[arg(
        long,
        env = "CUBBY_MAX_ALIASES",
        value_name = "COUNT",
        default_value_t = 30,
        value_parser = whole_number(0..=10_000),
        global = true
    )]
    pub max_aliases: u32,

    /// The maximum number of directives of a document, 0 to 10000. Directives in a fragment count at each
    /// spread
    #[arg(
        long,
        env = "CUBBY_MAX_DIRECTIVES",
        value_name = "COUNT",
        default_value_t = 50,
        value_parser = whole_number(0..=10_000),
        global = true
    )]
    pub max_directives: u32,

    /// The maximum number of operations of a document, of its fragments, and of the variables of each
    /// operation, 1 to 1000
    #[arg(
        long,
        env = "CUBBY_MAX_DEFINITIONS",
        value_name = "COUNT",
        default_value_t = 50,
        value_parser = whole_number(1..=1_000),
        global = true
    )]
    pub max_definitions: u32,

    /// The maximum number of root fields of an operation, 1 to 1000
    #[arg(
        long,
        env = "CUBBY_MAX_ROOT_FIELDS",
        value_name = "COUNT",
        default_value_t = 20,
        value_parser = whole_number(1..=1_000),
        global = true
    )]
    pub max_root_fields: u32,

    /// The maximum depth of nested lists in introspection, 1 to 8
    #[arg(
        long,
        env = "CUBBY_MAX_INTROSPECTION_LISTS",
        value_name = "LEVELS",
        default_value_t = 2,
        value_parser = whole_number(1..=8),
        global = true
    )]
    pub max_introspection_lists: u32,

    /// The maximum cost of an operation, in points, 1 to 1000000. An object costs 1, a page as much as its
    /// items, a mutation 10, and a mutation that takes a password 50
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

/// The limits of one account.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits of an account")]
pub struct AccountLimits {
    /// The maximum number of tasks of a user, 1 to 100000000. Creating or importing more is rejected
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

/// The limits of concurrent work of one instance.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Limits of connections")]
pub struct ConnectionLimits {
    /// The maximum number of open HTTP connections of an instance, 1 to 1000000. A further one gets a 503
    /// response and is closed
    #[arg(
        long,
        env = "CUBBY_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 2_000,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_connections: u32,

    /// The maximum number of requests that an instance runs at once, 1 to 1000000. A further one gets a
    /// 503 response
    #[arg(
        long,
        env = "CUBBY_MAX_REQUESTS",
        value_name = "COUNT",
        default_value_t = 500,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_requests: u32,

    /// The maximum number of open streams of an instance, 1 to 1000000: WebSockets, server-sent events and
    /// multipart subscriptions
    #[arg(
        long,
        env = "CUBBY_MAX_STREAMS",
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_streams: u32,

    /// The maximum number of open streams of a user on an instance, 1 to 1000000
    #[arg(
        long,
        env = "CUBBY_MAX_STREAMS_PER_VIEWER",
        value_name = "COUNT",
        default_value_t = 20,
        value_parser = whole_number(1..=1_000_000),
        global = true
    )]
    pub max_streams_per_viewer: u32,

    /// The maximum number of open anonymous streams of a network on an instance, 1 to 1000000. A network is
    /// an IPv4 address or an IPv6 /64. A further stream ends the network's oldest one. Anonymous streams
    /// of all networks take at most half of CUBBY_MAX_STREAMS
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
